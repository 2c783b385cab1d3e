provider "sim" {
  world = "world"
}

resource "sim_resource" "changed" {
  name = "changed"
  size = 1
}

resource "sim_resource" "removed" {
  name = "removed"
}

resource "sim_resource" "ignored" {
  name = "ignored"
  size = 1

  lifecycle {
    ignore_changes = [size]
  }
}
