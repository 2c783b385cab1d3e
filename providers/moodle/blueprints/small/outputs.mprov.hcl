output "upstream" {
  description = "Where the reverse proxy reaches the site: the live generation of it."
  value       = "${local.name}-web:80"
  depends_on  = [docker_container.web, moodle_verification.site]
}

output "staging_upstream" {
  description = "Where the reverse proxy reaches a generation that is rehearsed, for a route of its own."
  value       = "${var.name}-staging-web:80"
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

output "advice" {
  description = "What to think about this release: when its support ends, and the like."
  value       = one(data.moodle_upgrade_path.site[*].warnings)
}

output "volume" {
  description = "The volume with database and files, which the next generation is a clone of."
  value       = host_volume.site.path
}

output "containers" {
  value = {
    database = docker_container.database.name
    web      = docker_container.web.name
  }
}
