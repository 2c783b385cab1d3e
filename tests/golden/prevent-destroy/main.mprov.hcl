provider "sim" {
  world = "world"
}

resource "sim_resource" "precious" {
  name = "precious"

  lifecycle {
    prevent_destroy = true
  }
}
