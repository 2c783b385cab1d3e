provider "sim" {
  world = "world"
}

resource "sim_resource" "a" {
  nmae = "a"
  size = "large"
}

resource "sim_resorce" "b" {
  name = "b"
}

resource "sim_resource" "c" {
  name  = upcase("c")
  value = sim_resource.missing.id
}

locals {
  x = local.y
  y = local.x
}
