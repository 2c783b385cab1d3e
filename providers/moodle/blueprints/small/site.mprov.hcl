# Before anything is made: whether there is a way from the generation before to this release.
data "moodle_upgrade_path" "site" {
  count = var.release == null ? 0 : 1
  from  = try(generation.previous.release, null)
  to    = var.release
  today = plantimestamp()
}

resource "moodle_site" "site" {
  container      = docker_container.web.name
  image          = var.image

  # A clone holds a site, which is brought to the code's version; not before it is certain whose
  # database it is.
  upgrade            = local.is_clone
  identity           = local.identity
  database_container = docker_container.database.name

  admin_user     = var.admin.user
  admin_email    = var.admin.email
  admin_password = local.admin_password
  full_name      = var.full_name
  short_name     = var.short_name
  language       = var.language

  lifecycle {
    # A new volume is an empty one: the site in it has to be installed.
    replace_triggered_by = [host_volume.site]
  }
}

resource "moodle_settings" "core" {
  count     = length(var.settings) > 0 ? 1 : 0
  container = moodle_site.site.container
  settings  = var.settings
}

resource "moodle_settings" "plugin" {
  for_each  = var.plugin_settings
  container = moodle_site.site.container
  component = each.key
  settings  = each.value
}

# Before users are switched away from a generation, whatever works on its database comes to its end.
resource "moodle_drain" "site" {
  container = docker_container.web.name
  drained   = generation.role == "previous"
  timeout   = var.drain_timeout

  # The database is stopped, where it is, when this is done.
  depends_on = [moodle_site.site, docker_container.database]
}

# Before users are switched to a clone, it proves that it can serve them.
resource "moodle_verification" "site" {
  count     = local.is_clone ? 1 : 0
  container = moodle_site.site.container
  release   = var.release
  files     = var.verify.files
  sample    = var.verify.sample
  commands  = var.verify.commands

  # The upgrade has not lost any of what the original had.
  counts = {
    for what, count in coalesce(moodle_site.site.counts, {}) : what => count
    if !contains(var.verify.fewer, what)
  }

  depends_on = [moodle_settings.core, moodle_settings.plugin]
}

# Scheduled tasks run for one generation only: the one that users are on.
resource "docker_container" "cron" {
  count   = var.cron && generation.role == "live" ? 1 : 0
  name    = "${local.name}-cron"
  image   = var.image
  command = ["moodle-cron"]
  restart = "unless-stopped"

  # A task that is under way is finished before it stops.
  stop_timeout = 120

  dynamic "file" {
    for_each = local.files
    content {
      path    = file.key
      content = file.value.content
      mode    = file.value.mode
      gid     = file.value.gid
    }
  }

  secret {
    name    = "db_password"
    content = core_random_password.database.result
    mode    = "0640"
    gid     = 33
  }

  mount {
    type   = "bind"
    source = host_directory.files.absolute_path
    target = "/var/moodledata"
  }

  network {
    name = docker_network.site.name
  }

  # Tasks fetch calendars, send mail and ask other services.
  network {
    name = var.proxy_network
  }

  healthcheck {
    test         = ["CMD", "/usr/local/bin/moodle-cron", "status"]
    interval     = "60s"
    timeout      = "10s"
    retries      = 5
    start_period = "300s"
  }

  wait = false

  depends_on = [moodle_site.site, docker_container.database]

  lifecycle {
    after_switch = true
  }
}
