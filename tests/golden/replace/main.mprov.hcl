provider "sim" {
  world = "world"
}

resource "sim_resource" "a" {
  name = "a"
  zone = "north"
}

resource "sim_resource" "b" {
  name  = "b"
  value = sim_resource.a.id
}
