provider "sim" {
  world = "world"
}

resource "sim_resource" "old" {
  name = "thing"
}
