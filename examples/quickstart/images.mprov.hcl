locals {
  images = "${path.root}/../images"
}

resource "docker_image" "base" {
  name   = "${var.name}/base:latest"
  pull   = var.base.pull
  rootfs = var.base.rootfs
}

resource "docker_image" "database" {
  name = "${var.name}/${var.database}:latest"
  build {
    context = "${local.images}/${var.database}"
    args    = { BASE = docker_image.base.id }
  }
}

resource "docker_image" "web" {
  name = "${var.name}/web:latest"
  build {
    context = "${local.images}/web"
    args    = { BASE = docker_image.base.id }
  }
}

resource "docker_image" "proxy" {
  name = "${var.name}/proxy:latest"
  build {
    context = "${local.images}/proxy"
    args    = { BASE = docker_image.base.id }
  }
}

# The Moodle code goes into an image of its own, never onto the data volume.
resource "docker_image" "app" {
  name = "${var.name}/app:latest"
  build {
    context            = var.moodle
    dockerfile_content = file("${local.images}/app/Dockerfile")
    ignore             = ["config.php", "**/.git"] # another site's configuration, and history
    args               = { BASE = docker_image.web.id }
  }
}
