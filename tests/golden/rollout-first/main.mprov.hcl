provider "sim" {
  world = "world"
}

variable "release" {
  type    = string
  default = "1.0"
}

variable "fail" {
  type    = string
  default = null
}

module "site" {
  source  = "./site"
  release = var.release
  image   = "image-${var.release}"
  fail    = var.fail

  rollout {
    on       = [release, image]
    rehearse = "optional"
  }
}

resource "sim_gate" "route" {
  name  = "route"
  value = module.site.upstream
}
