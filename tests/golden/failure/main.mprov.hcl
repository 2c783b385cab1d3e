provider "sim" {
  world = "world"
}

resource "sim_resource" "good" {
  name = "good"
}

resource "sim_resource" "bad" {
  name        = "bad"
  value       = sim_resource.good.id
  fail_create = "the zone is full"
  fail_tries  = 1
}

resource "sim_resource" "after" {
  name  = "after"
  value = sim_resource.bad.id
}
