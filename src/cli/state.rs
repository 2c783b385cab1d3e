use mprov_sdk::{Address, Diagnostic};

use crate::plan::{Deposed, StoredInstance};
use crate::view;
use crate::view::state::StateInstance;
use crate::workspace::stored;

use super::context::Context;
use super::exit_code::ExitCode;
use super::failure::Failure;

pub fn list(context: &Context, wanted: &[String]) -> Result<ExitCode, Failure> {
    let workspace = context.looking()?;
    let Some(state) = workspace.state()? else { return Ok(ExitCode::Done) };
    let mut addresses: Vec<Address> = state.resources.keys().filter_map(|text| text.parse().ok()).collect();
    addresses.sort();
    if let Some(unmatched) = wanted.iter().find(|w| !addresses.iter().any(|a| is_in(a, w))) {
        return Err(not_in_state(unmatched));
    }
    let shown = addresses.iter().filter(|a| wanted.is_empty() || wanted.iter().any(|w| is_in(a, w)));
    context.screen.out(&view::state::list(shown));
    Ok(ExitCode::Done)
}

pub fn show(context: &Context, wanted: &str) -> Result<ExitCode, Failure> {
    let address: Address = wanted.parse().map_err(|error| {
        Diagnostic::error(4051, format!("{error}"))
            .detail("Write it as mprov state list does, in single quotes for the shell.")
    })?;
    let workspace = context.looking()?;
    let state = workspace.state()?;
    let recorded = stored(state.as_ref(), &workspace.kinds, workspace.store.keys())?;
    let current = recorded.instances.get(&address).map(|stored| instance(&address, stored));
    let left_over = recorded.deposed.iter().filter(|d| d.address == address).map(deposed);
    let found: Vec<StateInstance<'_>> = current.into_iter().chain(left_over).collect();
    if found.is_empty() {
        return Err(not_in_state(wanted));
    }
    let style = context.screen.out_style();
    let blocks: Vec<String> = found.iter().map(|i| view::state::show(i, style)).collect();
    context.screen.out(&blocks.join("\n"));
    Ok(ExitCode::Done)
}

/// As the view shows it.
pub fn instance<'a>(address: &'a Address, stored: &'a StoredInstance) -> StateInstance<'a> {
    StateInstance {
        address,
        deposed: None,
        tainted: stored.tainted,
        provider: &stored.provider,
        dependencies: &stored.dependencies,
        attributes: &stored.attributes,
    }
}

pub fn deposed(deposed: &Deposed) -> StateInstance<'_> {
    StateInstance { deposed: Some(&deposed.key), ..instance(&deposed.address, &deposed.instance) }
}

/// Whether an instance is named by that address, or is one of the resource or module that is.
fn is_in(address: &Address, wanted: &str) -> bool {
    let text = address.to_string();
    let Some(rest) = text.strip_prefix(wanted) else { return false };
    rest.is_empty() || rest.starts_with(['.', '['])
}

fn not_in_state(address: &str) -> Failure {
    Diagnostic::error(4052, format!("{address} is not in the state"))
        .detail("mprov state list shows what is.")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_an_instance_a_resource_or_a_module() {
        let address: Address = r#"module.a["x"].core_value.v[1]"#.parse().expect("an address");
        for wanted in [
            r#"module.a["x"].core_value.v[1]"#,
            r#"module.a["x"].core_value.v"#,
            r#"module.a["x"]"#,
            "module.a",
        ] {
            assert!(is_in(&address, wanted), "{wanted}");
        }
        for wanted in
            ["core_value.v", "module.b", r#"module.a["x"].core_value.v[10]"#, "module.a[\"x\"].core_val"]
        {
            assert!(!is_in(&address, wanted), "{wanted}");
        }
    }
}
