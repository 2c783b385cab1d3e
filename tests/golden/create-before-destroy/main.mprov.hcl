provider "sim" {
  world = "world"
}

resource "sim_resource" "a" {
  name = "a"
  zone = "north"

  lifecycle {
    create_before_destroy = true
  }
}

resource "sim_resource" "b" {
  name  = "b"
  value = sim_resource.a.id
}
