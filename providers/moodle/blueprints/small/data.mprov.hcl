locals {
  # Containers and networks of several generations are there at once. The first slot has the plain
  # names.
  name = generation.slot == 1 ? var.name : "${var.name}-${generation.slot}"

  # Whether this generation began as a clone of another one.
  is_clone = nonsensitive(generation.previous != null)
}

# Tells this generation's database from every other one, its original's above all.
resource "core_random_id" "identity" {
  byte_length = 16
}

# One volume for database and files: a clone of it is one instant of the whole site.
resource "host_volume" "site" {
  path     = "${var.data_dir}/${generation.id}"
  driver   = var.volume_driver
  clone_of = try(generation.previous.volume, null)
}

# Their owners are users of the containers, which take them over at their first start. They go with
# the volume, whose plan says that its data is lost. A clone has them already.
resource "host_directory" "database" {
  path          = "${host_volume.site.path}/db"
  mode          = "0700"
  adopt         = local.is_clone
  force_destroy = true
}

resource "host_directory" "files" {
  path          = "${host_volume.site.path}/data"
  mode          = "2770"
  adopt         = local.is_clone
  force_destroy = true
}

# Inside the site only database and web server can hear each other.
resource "docker_network" "site" {
  name     = local.name
  internal = true
}
