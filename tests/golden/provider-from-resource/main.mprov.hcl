provider "sim" {
  world = "world"
}

resource "sim_endpoint" "cloud" {
  name = "cloud"
}

provider "sim" {
  alias          = "inner"
  world          = "world"
  endpoint       = sim_endpoint.cloud.url
  required_token = sim_endpoint.cloud.token
}

resource "sim_resource" "inside" {
  provider = sim.inner
  name     = "inside"
}
