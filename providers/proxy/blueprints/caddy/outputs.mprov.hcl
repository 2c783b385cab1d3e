# For `provider "proxy"`. They are known when the proxy runs, so that nobody talks to it before.
output "admin" {
  description = "The admin API: a socket that only root and the proxy can open."
  value       = "unix://${host_directory.run.absolute_path}/admin.sock"
  depends_on  = [docker_container.proxy]
}

output "state_dir" {
  description = "The folder of state files."
  value       = host_directory.state.absolute_path
  depends_on  = [docker_container.proxy]
}

output "network" {
  description = "The network in which the proxy reaches the sites."
  value       = docker_network.proxy.name
}

output "container" {
  value = docker_container.proxy.name
}

output "http_port" {
  value = var.http_port
}

output "https_port" {
  value = var.https_port
}
