use serde_json::{Value as Json, json};

use super::Mounts;
use crate::model::{Model, Route, Tls};

pub fn tls_app(model: &Model, mounts: Mounts<'_>) -> Json {
    let hosts = |tls: Tls| -> Vec<&str> {
        model.routes.values().filter(|r| r.tls == tls).map(|r| r.hostname.as_str()).collect()
    };
    let path = |file: String| mounts.certificates.join(file).to_string_lossy().into_owned();

    let files: Vec<Json> = model
        .certificates
        .iter()
        .map(|(name, certificate)| {
            json!({
                "certificate": path(format!("{}.crt", certificate.stem)),
                "key": path(format!("{}.key", certificate.stem)),
                "tags": [tag(name)]
            })
        })
        .collect();

    let mut policies = Vec::new();
    let internal = hosts(Tls::Internal);
    if !internal.is_empty() {
        policies.push(json!({ "subjects": internal, "issuers": [{ "module": "internal" }] }));
    }
    let public = hosts(Tls::Acme);
    if !public.is_empty() {
        let acme = model.server().acme.unwrap_or_default();
        let mut issuer = json!({ "module": "acme" });
        if let Some(email) = acme.email {
            issuer["email"] = email.into();
        }
        if let Some(url) = acme.directory_url {
            issuer["ca"] = url.into();
        }
        if let Some(file) = acme.ca_root_file {
            issuer["trusted_roots_pem_files"] = json!([path(file)]);
        }
        policies.push(json!({ "subjects": public, "issuers": [issuer] }));
    }
    let automate: Vec<&str> = internal.into_iter().chain(public).collect();
    json!({
        "certificates": { "automate": automate, "load_files": files },
        "automation": { "policies": policies }
    })
}

/// Which certificate answers for which name. The last one takes what is managed by Caddy.
pub fn connection_policies(routes: &[&Route]) -> Json {
    let given = routes.iter().filter_map(|r| {
        let name = r.certificate.as_deref().filter(|_| r.tls == Tls::Certificate)?;
        Some(json!({
            "match": { "sni": [r.hostname] },
            "certificate_selection": { "any_tag": [tag(name)] }
        }))
    });
    Json::Array(given.chain([json!({})]).collect())
}

fn tag(name: &str) -> String {
    format!("mprov-{name}")
}
