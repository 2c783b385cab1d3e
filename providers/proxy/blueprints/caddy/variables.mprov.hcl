variable "name" {
  type        = string
  description = "Name of the proxy: of its container and of the network that it shares with the sites."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,40}$", var.name))
    error_message = "A name is lower case letters, digits and hyphens, and begins with a letter."
  }
}

variable "image" {
  type        = string
  description = "Id of the proxy's image (examples/images/proxy)."
}

variable "data_dir" {
  type        = string
  description = "Where the proxy's files lie on the machine: an absolute path that need not exist yet, and short, for a socket lies below it."
  validation {
    condition     = startswith(var.data_dir, "/") && length(var.data_dir) <= 80
    error_message = "The folder is an absolute path of at most 80 characters."
  }
}

variable "http_port" {
  type        = number
  default     = 80
  description = "Port of the machine for HTTP."
}

variable "https_port" {
  type        = number
  default     = null
  description = "Port of the machine for HTTPS; null where nothing is served over HTTPS."
}

variable "bind" {
  type        = string
  default     = "127.0.0.1"
  description = "Address of the machine on which the proxy is reached: \"0.0.0.0\" for everybody, \"127.0.0.1\" for this machine only."
}

variable "memory" {
  type        = string
  default     = null
  description = "Memory that the proxy may use at most, as in \"256m\"."
}
