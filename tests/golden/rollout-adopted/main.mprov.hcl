provider "sim" {
  world = "world"
}

module "site" {
  source  = "./site"
  release = "1.0"
  image   = "image-1.0"
}
