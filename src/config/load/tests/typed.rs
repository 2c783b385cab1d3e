use mprov_sdk::{Type, Value};

use super::good;
use crate::config::{IgnoreChanges, MovedEnd, ProviderRef, Repeat, ResourceId, Subject};

const TEXT: &str = r#"
mprov {
  required_version = ">= 0.1"
}

variable "ports" {
  type        = list(number)
  default     = ["80", 443]
  description = "Ports to listen on."
  sensitive   = true
  nullable    = false

  validation {
    condition     = length(var.ports) > 0
    error_message = "At least one port is needed."
  }
}

provider "docker" {
  alias = "remote"
  uses  = [host.vm]
  host  = "ssh"
}

provider "host" {
  alias = "vm"
}

resource "docker_container" "web" {
  count      = 2
  provider   = docker.remote
  depends_on = [data.docker_image.base, module.none]
  image      = "x"

  mount {
    target = "/a"
  }
  dynamic "port" {
    for_each = var.ports
    content {
      internal = port.value
    }
  }

  lifecycle {
    create_before_destroy = true
    atomic                = true
    ignore_changes        = [image, env]
    replace_triggered_by  = [data.docker_image.base.id]
    postcondition {
      condition     = self.image != ""
      error_message = "empty"
    }
  }
}

data "docker_image" "base" {
  name = "base"
}

module "none" {
  source = "./none"
}

output "image" {
  value      = docker_container.web[0].image
  depends_on = [docker_container.web]
}

moved {
  from = docker_container.old
  to   = docker_container.web[0]
}

moved {
  from = module.former["a"]
  to   = module.none
}
"#;

#[test]
fn every_block_has_its_type() {
    let configuration = good(&[("main.mprov.hcl", TEXT), ("none/main.mprov.hcl", "locals {}\n")]);
    let root = &configuration.root;
    assert_eq!(root.settings.required_version.as_ref().map(|(v, _)| v.as_str()), Some(">= 0.1"));

    let ports = &root.variables["ports"];
    assert_eq!(ports.ty, Type::list(Type::Number));
    assert_eq!(ports.default, Some(Value::list([80.into(), 443.into()])));
    assert!(ports.sensitive && !ports.nullable && ports.validations.len() == 1);

    let remote = ProviderRef { name: "docker".into(), alias: Some("remote".into()) };
    let provider = &root.providers[&remote];
    assert_eq!(provider.uses[0].0.to_string(), "host.vm");
    assert_eq!(provider.body.arguments.keys().map(|n| &**n).collect::<Vec<_>>(), ["host"]);

    let web = &root.resources[&ResourceId::managed("docker_container", "web")];
    assert!(matches!(web.repeat, Repeat::Count(_)));
    assert_eq!(web.provider.as_ref().map(|(p, _)| p), Some(&remote));
    assert_eq!(web.depends_on[0].subject, Subject::Resource(ResourceId::data("docker_image", "base")));
    assert_eq!(web.body.arguments.keys().map(|n| &**n).collect::<Vec<_>>(), ["image"]);
    let blocks: Vec<_> = web.body.blocks.iter().map(|b| (&*b.name, b.labels.len())).collect();
    assert_eq!(blocks, [("mount", 0), ("dynamic", 1)]);
    assert!(web.lifecycle.create_before_destroy && web.lifecycle.atomic && !web.lifecycle.prevent_destroy);
    let IgnoreChanges::Only(ignored) = &web.lifecycle.ignore_changes else { panic!("a list") };
    assert_eq!(ignored.iter().map(|(n, _)| &**n).collect::<Vec<_>>(), ["image", "env"]);
    assert_eq!(web.lifecycle.replace_triggered_by.len(), 1);
    assert_eq!(web.lifecycle.postconditions.len(), 1);

    assert_eq!(root.moved.len(), 2);
    let MovedEnd::Resource(to) = &root.moved[0].to else { panic!("a resource") };
    assert_eq!(to.to_string(), "docker_container.web[0]");
    let MovedEnd::Module(from) = &root.moved[1].from else { panic!("a module") };
    assert_eq!(from.to_string(), "module.former[\"a\"]");
}

#[test]
fn spans_count_in_the_file_and_not_in_the_item() {
    let configuration = good(&[("main.mprov.hcl", TEXT), ("none/main.mprov.hcl", "locals {}\n")]);
    let web = &configuration.root.resources[&ResourceId::managed("docker_container", "web")];
    let text = |span: mprov_sdk::Span| {
        configuration.sources.get(span.source).text[span.start as usize..span.end as usize].to_owned()
    };
    assert_eq!(text(web.span), "resource \"docker_container\" \"web\"");
    assert_eq!(text(web.body.arguments["image"].name_span), "image");
    assert_eq!(text(web.body.arguments["image"].expr.span()), "\"x\"");
    assert_eq!(text(web.body.blocks[1].span), "dynamic \"port\"");
    assert_eq!(text(web.depends_on[0].span), "data.docker_image.base");
    assert_eq!(text(configuration.root.outputs["image"].expr.span()), "docker_container.web[0].image");
}
