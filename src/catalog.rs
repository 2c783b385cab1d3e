//! The one place that names the concrete providers.

use std::sync::Arc;

use mprov_sdk::Provider;

use crate::config::load::ModuleSources;

/// All providers of this build.
pub fn providers() -> Vec<Arc<dyn Provider>> {
    vec![
        mprov_provider_core::provider(),
        mprov_provider_host::provider(),
        mprov_provider_docker::provider(),
        mprov_provider_proxy::provider(),
        mprov_provider_moodle::provider(),
        mprov_provider_http::provider(),
        #[cfg(feature = "aws")]
        mprov_provider_aws::provider(),
        mprov_provider_openstack::provider(),
        mprov_provider_sim::provider(None),
    ]
}

/// Modules that are part of mprov, for `source = "mprov:…"`.
pub struct Blueprints;

/// Name behind `mprov:`, and the module's files.
type Blueprint = (&'static str, &'static [(&'static str, &'static str)]);

fn blueprints() -> Vec<Blueprint> {
    [mprov_provider_moodle::blueprints(), mprov_provider_proxy::blueprints()].concat()
}

impl ModuleSources for Blueprints {
    fn builtin(&self, source: &str) -> Option<Vec<(String, String)>> {
        let name = source.strip_prefix("mprov:")?;
        let (_, files) = blueprints().into_iter().find(|(n, _)| *n == name)?;
        Some(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    fn available(&self) -> Vec<String> {
        blueprints().into_iter().map(|(name, _)| format!("mprov:{name}")).collect()
    }
}
