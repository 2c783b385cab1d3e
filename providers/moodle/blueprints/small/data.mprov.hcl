# One volume for database and files: a clone of it is one instant of the whole site.
resource "host_volume" "site" {
  path   = var.data_dir
  driver = var.volume_driver
}

# Their owners are users of the containers, which take them over at their first start. They go with
# the volume, whose plan says that its data is lost.
resource "host_directory" "database" {
  path          = "${host_volume.site.path}/db"
  mode          = "0700"
  force_destroy = true
}

resource "host_directory" "files" {
  path          = "${host_volume.site.path}/data"
  mode          = "2770"
  force_destroy = true
}

# Inside the site only database and web server can hear each other.
resource "docker_network" "site" {
  name     = var.name
  internal = true
}
