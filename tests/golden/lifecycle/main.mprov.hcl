provider "sim" {
  world = "world"
}

variable "size" {
  type    = number
  default = 1
}

resource "sim_resource" "a" {
  name = "a"
  size = var.size
}

resource "sim_resource" "b" {
  count = 2
  name  = "b${count.index}"
  value = sim_resource.a.id
}

output "ids" {
  value = length(sim_resource.b)
}
