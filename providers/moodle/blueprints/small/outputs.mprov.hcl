output "upstream" {
  description = "Where the reverse proxy reaches the site."
  value       = "${var.name}-web:80"
  depends_on  = [docker_container.web]
}

output "url" {
  value = var.wwwroot
}

output "admin_user" {
  value = moodle_site.site.admin_user
}

output "admin_password" {
  value     = local.admin_password
  sensitive = true
}

output "release" {
  description = "The release that is installed."
  value       = moodle_site.site.release
}

output "containers" {
  value = {
    database = docker_container.database.name
    web      = docker_container.web.name
  }
}
