variable "name" {
  type        = string
  description = "Name of the site: the prefix of its containers, networks and files."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "A name is lower case letters, digits and hyphens, and begins with a letter."
  }
}

variable "wwwroot" {
  type        = string
  description = "The address that users type, with scheme and without a slash at the end: https://moodle.example.org."
  validation {
    condition     = can(regex("^https?://[^/]+(/.*[^/])?$", var.wwwroot))
    error_message = "An address looks like https://moodle.example.org, without a slash at the end."
  }
}

variable "image" {
  type        = string
  description = "Id of the image that holds web server, PHP and the Moodle code."
}

variable "release" {
  type        = string
  default     = null
  description = "The release that the image serves, as Moodle names it: \"5.0.6+ (Build: 20260403)\". Where it is given, users are switched to no other one. moodle_source tells it."
}

variable "plugins" {
  type        = map(string)
  default     = {}
  description = "The plugins in the image that are no part of Moodle, by component, with their versions. moodle_plugins tells them. Named in the rollout block, the plan of an upgrade shows which come, change or go."
}

variable "docroot" {
  type        = string
  default     = ""
  description = "The folder of the code that is served: empty, or \"public\" from Moodle 5.1 on. moodle_source tells it."
  validation {
    condition     = contains(["", "public"], var.docroot)
    error_message = "The folder is \"\" or \"public\"."
  }
}

variable "database" {
  type = object({
    engine = optional(string, "mariadb")
    image  = string
    memory = optional(string)
  })
  description = "The database: \"mariadb\" or \"postgres\", and the id of its image."
  validation {
    condition     = contains(["mariadb", "postgres"], var.database.engine)
    error_message = "The engine is \"mariadb\" or \"postgres\"."
  }
}

variable "data_dir" {
  type        = string
  description = "Where the site's data lies on the machine: an absolute path that need not exist yet. Each generation has one volume below it for database and uploaded files, so that one clone holds both at the same instant."
}

variable "volume_driver" {
  type        = string
  default     = "auto"
  description = "How the volume can be cloned later: \"btrfs\", \"zfs\", or \"auto\" for the best that the file system offers. A driver that copies file by file (\"reflink\", \"copy\") cannot clone a site that runs."
}

variable "proxy_network" {
  type        = string
  description = "Name of the Docker network that the reverse proxy is in."
}

variable "admin" {
  type = object({
    user     = optional(string, "admin")
    email    = string
    password = optional(string)
  })
  description = "The administrator's account. Without a password one is made."
}

variable "full_name" {
  type        = string
  description = "Name of the site as users read it."
}

variable "short_name" {
  type        = string
  default     = "moodle"
  description = "Name of the site where there is little room."
}

variable "language" {
  type        = string
  default     = "en"
  description = "Language that the site is installed in."
}

variable "php" {
  type        = map(string)
  default     = {}
  description = "Settings of php.ini over the image's own, which are those that Moodle asks for."
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Moodle's own settings by name."
}

variable "plugin_settings" {
  type        = map(map(string))
  default     = {}
  description = "Settings of plugins, by component and name."
}

variable "web" {
  type = object({
    mode    = optional(string, "apache")
    workers = optional(number, 40)
    memory  = optional(string)
  })
  default     = {}
  description = "The web server: \"apache\" (PHP as a module) or \"fpm\", and how many requests it serves at once."
  validation {
    condition     = contains(["apache", "fpm"], var.web.mode)
    error_message = "The mode is \"apache\" or \"fpm\"."
  }
}

variable "cron" {
  type        = bool
  default     = true
  description = "Whether Moodle's scheduled tasks run."
}

variable "staging_wwwroot" {
  type        = string
  default     = null
  description = "The address of a generation that is rehearsed, where it has one of its own: that of a proxy_route to staging_upstream."
}

variable "drain_timeout" {
  type        = string
  default     = "120s"
  description = "How long a cut-over waits for requests and tasks that still work on the database."
}

variable "verify" {
  type = object({
    files    = optional(string, "sample")
    sample   = optional(number, 200)
    commands = optional(list(list(string)), [])
    fewer    = optional(list(string), [])
  })
  default     = {}
  description = "How a new generation is looked at before users are switched to it: \"full\", \"sample\" or \"none\" of the files that the database names, and commands of your own that have to succeed in the web container. There must not be fewer users, courses, modules (activities and resources) or files than before the upgrade, but for those named in \"fewer\"."
}
