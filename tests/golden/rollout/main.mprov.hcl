provider "sim" {
  world = "world"
}

variable "release" {
  type    = string
  default = "1.0"
}

resource "sim_resource" "image" {
  name = "image-${var.release}"
}

module "site" {
  source  = "./site"
  release = var.release
  image   = sim_resource.image.name

  rollout {
    on   = [release, image]
    keep = 1
  }
}

resource "sim_gate" "route" {
  name       = "route"
  value      = module.site.upstream
  depends_on = [module.site]
}

output "upstream" {
  value = module.site.upstream
}
