use mprov_sdk::{Address, Object};
use serde_json::{Map, Value as Json, json};

use super::json::{Secrets, object, object_places};
use super::literal::{columns, key, printable, quoted};
use super::page::{Mark, Page};
use super::style::{Style, Tone};
use super::value::{Cut, Frame, write_value};

/// One instance of the stored state, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct StateInstance<'a> {
    pub address: &'a Address,
    /// The key of what a replacement left behind.
    pub deposed: Option<&'a str>,
    pub tainted: bool,
    /// Address of the provider configuration.
    pub provider: &'a str,
    /// Addresses of the resources it depends on.
    pub dependencies: &'a [String],
    pub attributes: &'a Object,
}

/// The addresses, one a line.
pub fn list<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> String {
    addresses.into_iter().map(|address| format!("{}\n", printable(&address.to_string()))).collect()
}

/// The instance as a block of HCL, all attributes in full, secrets masked.
pub fn show(instance: &StateInstance<'_>, style: Style) -> String {
    let mut page = Page::plain(style);
    let deposed = instance.deposed.map_or_else(String::new, |key| format!(" (deposed object {key})"));
    let tainted = if instance.tainted { " (tainted)" } else { "" };
    let title = format!("# {}:{deposed}{tainted}", instance.address);
    page.line(0, Mark::None, &style.paint(Tone::Strong, &printable(&title)));
    let resource = &instance.address.resource;
    let word = if instance.address.is_data() { "data" } else { "resource" };
    let header = format!("{word} {} {} {{", quoted(&resource.kind, None), quoted(&resource.name, None));
    page.line(0, Mark::None, &header);
    let shown: Vec<_> =
        instance.attributes.iter().filter(|(_, v)| !v.is_null()).map(|(n, v)| (key(n), v)).collect();
    let width = shown.iter().map(|(n, _)| columns(n)).max().unwrap_or(0);
    for (name, value) in shown {
        write_value(&mut page, 1, Mark::None, &Frame::entry(&name, width), value, Cut::NONE);
    }
    page.line(0, Mark::None, "}");
    page.finish()
}

/// The same for programs; `sensitive` has `true` in the places of secrets.
pub fn json(instance: &StateInstance<'_>) -> Json {
    let resource = &instance.address.resource;
    json!({
        "address": instance.address.to_string(),
        "mode": if instance.address.is_data() { "data" } else { "managed" },
        "type": &*resource.kind,
        "name": &*resource.name,
        "deposed": instance.deposed,
        "tainted": instance.tainted,
        "provider": instance.provider,
        "depends_on": instance.dependencies,
        "values": object(instance.attributes, Secrets::Masked),
        "sensitive_values": object_places(instance.attributes, &|v| matches!(v, mprov_sdk::Value::Sensitive(_))),
    })
}

/// A whole state for `mprov show -json`: instances and the root module's outputs.
pub fn document<'a>(
    lineage: Option<&str>,
    serial: u64,
    instances: impl IntoIterator<Item = StateInstance<'a>>,
    outputs: Map<String, Json>,
) -> Json {
    json!({
        "format_version": super::plan::FORMAT_VERSION,
        "mprov_version": env!("CARGO_PKG_VERSION"),
        "lineage": lineage,
        "serial": serial,
        "resources": instances.into_iter().map(|i| json(&i)).collect::<Vec<_>>(),
        "outputs": outputs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mprov_sdk::Value;

    #[test]
    fn an_instance_is_shown_in_full_but_for_its_secrets() {
        let address: Address = r#"module.m.docker_container.web["a"]"#.parse().expect("an address");
        let attributes = Object::new()
            .with("command", Value::list([Value::from("x".repeat(300))]))
            .with("id", "c1")
            .with("labels", Value::map([("a.b", Value::from("c"))]))
            .with("password", Value::from("hunter2").sensitive())
            .with("user", Value::Null);
        let instance = StateInstance {
            address: &address,
            deposed: None,
            tainted: true,
            provider: "docker",
            dependencies: &["docker_network.n".to_owned()],
            attributes: &attributes,
        };
        let long = "x".repeat(300);
        assert_eq!(
            show(&instance, Style::PLAIN),
            format!(
                r#"# module.m.docker_container.web["a"]: (tainted)
resource "docker_container" "web" {{
    command  = [
        "{long}",
    ]
    id       = "c1"
    labels   = {{
        "a.b" = "c"
    }}
    password = (sensitive value)
}}
"#
            )
        );
        let document = json(&instance);
        assert_eq!(document["values"]["password"], "(sensitive value)");
        assert_eq!(document["sensitive_values"], json!({ "password": true }));
        assert_eq!(list([&address]), "module.m.docker_container.web[\"a\"]\n");
    }
}
