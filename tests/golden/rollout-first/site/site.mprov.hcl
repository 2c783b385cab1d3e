variable "release" {
  type = string
}

variable "image" {
  type = string
}

variable "fail" {
  type    = string
  default = null
}

resource "core_random_password" "database" {
  length = 16
}

resource "sim_resource" "network" {
  name = "network-${generation.slot}"
}

resource "sim_database" "database" {
  name   = "database-${generation.id}"
  value  = generation.previous == null ? "empty" : "clone of ${generation.previous.database}"
  secret = core_random_password.database.result
}

resource "sim_resource" "web" {
  name        = "web-${generation.id}"
  value       = "${var.image} on ${sim_database.database.name} in ${sim_resource.network.name}"
  fail_create = var.fail
}

resource "sim_resource" "cron" {
  count = generation.role == "live" ? 1 : 0
  name  = "cron-${generation.id}"
  value = sim_resource.web.name

  lifecycle {
    after_switch = true
  }
}

resource "sim_resource" "drain" {
  name  = "drain-${generation.id}"
  value = generation.role == "live" ? "open" : "drained"
  size  = length(sim_resource.web.name)
}

output "upstream" {
  value      = "web-${generation.id}:80"
  depends_on = [sim_resource.drain]
}

output "database" {
  value = sim_database.database.name
}
