provider "sim" {
  world = "world"
}

resource "sim_resource" "kept" {
  name = "kept"
}

resource "sim_resource" "first" {
  name  = "first"
  value = sim_resource.kept.id

  lifecycle {
    atomic = true
  }
}

resource "sim_resource" "second" {
  name        = "second"
  value       = sim_resource.first.id
  fail_create = "no more room"

  lifecycle {
    atomic = true
  }
}
