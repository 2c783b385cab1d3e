use std::collections::BTreeMap;
use std::path::PathBuf;

use mprov_sdk::{Attribute, AttributeError, Fault, Object, Schema, Type};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::clouds;
use crate::environment::Environment;

/// Who speaks to which cloud, as the provider block, `clouds.yaml` or the environment say.
#[derive(Debug)]
pub struct Account {
    /// Keystone's address, ending in `/v3`.
    pub auth_url: String,
    pub credentials: Credentials,
    pub region: Option<String>,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// A file of certificates to trust besides the machine's.
    pub ca_file: Option<PathBuf>,
    /// Whether certificates are checked at all.
    pub verify: bool,
    /// Addresses of services that count instead of the catalogue's, by `compute`, `volume`,
    /// `network`, `image`.
    pub endpoints: BTreeMap<String, String>,
}

#[derive(Debug)]
pub enum Credentials {
    Password {
        user: Named,
        password: SecretString,
        project: Named,
    },
    /// Restricted to the project it was made in.
    ApplicationCredential {
        credential: ApplicationCredential,
        secret: SecretString,
    },
}

#[derive(Debug)]
pub enum ApplicationCredential {
    Id(String),
    Name { name: String, user: Named },
}

/// A user or project: its id, or its name within a domain.
#[derive(Debug)]
pub enum Named {
    Id(String),
    Name { name: String, domain: Domain },
}

#[derive(Debug)]
pub enum Domain {
    Id(String),
    Name(String),
}

/// Services whose address can be set.
pub const SERVICES: [&str; 4] = ["compute", "volume", "network", "image"];

/// Argument of the provider block, variable in the environment, key in `clouds.yaml`'s `auth`.
const AUTH: [(&str, &str, &str); 13] = [
    ("auth_url", "OS_AUTH_URL", "auth_url"),
    ("user_name", "OS_USERNAME", "username"),
    ("user_id", "OS_USER_ID", "user_id"),
    ("password", "OS_PASSWORD", "password"),
    ("user_domain_name", "OS_USER_DOMAIN_NAME", "user_domain_name"),
    ("user_domain_id", "OS_USER_DOMAIN_ID", "user_domain_id"),
    ("project_name", "OS_PROJECT_NAME", "project_name"),
    ("project_id", "OS_PROJECT_ID", "project_id"),
    ("project_domain_name", "OS_PROJECT_DOMAIN_NAME", "project_domain_name"),
    ("project_domain_id", "OS_PROJECT_DOMAIN_ID", "project_domain_id"),
    ("application_credential_id", "OS_APPLICATION_CREDENTIAL_ID", "application_credential_id"),
    ("application_credential_name", "OS_APPLICATION_CREDENTIAL_NAME", "application_credential_name"),
    ("application_credential_secret", "OS_APPLICATION_CREDENTIAL_SECRET", "application_credential_secret"),
];
/// The same for what stands beside `auth`.
const REST: [(&str, &str, &str); 3] = [
    ("region", "OS_REGION_NAME", "region_name"),
    ("interface", "OS_INTERFACE", "interface"),
    ("ca_file", "OS_CACERT", "cacert"),
];

pub fn schema() -> Schema {
    let text = |description| Attribute::optional(Type::String, description);
    Schema::new(
        "openstack",
        "Which cloud, and as whom.",
        [
            ("cloud", text("Name of a cloud in clouds.yaml. Arguments beside it count before what it says.")),
            ("auth_url", text("Address of Keystone, https://…/v3.")),
            ("region", text("The region, where the cloud has several.")),
            ("interface", text("Which addresses of the services: public (the default), internal or admin.")),
            ("user_name", text("Name of the user.")),
            ("user_id", text("Id of the user, instead of name and domain.")),
            ("password", text("The user's password.").sensitive()),
            ("user_domain_name", text("Domain of the user, Default where none is given.")),
            ("user_domain_id", text("Id of that domain.")),
            ("project_name", text("Name of the project.")),
            ("project_id", text("Id of the project, instead of name and domain.")),
            ("project_domain_name", text("Domain of the project; the user's where none is given.")),
            ("project_domain_id", text("Id of that domain.")),
            ("application_credential_id", text("Id of an application credential, instead of a password.")),
            ("application_credential_name", text("Its name, together with the user.")),
            ("application_credential_secret", text("Its secret.").sensitive()),
            ("ca_file", text("A file of certificates (PEM) to trust besides the machine's.")),
            (
                "insecure",
                Attribute::optional(Type::Bool, "Does not check certificates. Never in production."),
            ),
            (
                "endpoints",
                Attribute::optional(
                    Type::map(Type::String),
                    "Addresses that count instead of the catalogue's: compute, volume, network, image.",
                ),
            ),
        ],
    )
}

impl Account {
    pub fn of(config: &Object, environment: &Environment) -> Result<Self, Fault> {
        Sources::new(config, environment)?.account()
    }
}

/// Where values come from: the arguments first; then the named cloud, or else the environment.
struct Sources<'a> {
    config: &'a Object,
    cloud: Option<Json>,
    environment: Option<&'a Environment>,
}

impl<'a> Sources<'a> {
    fn new(config: &'a Object, environment: &'a Environment) -> Result<Self, Fault> {
        let name = config.opt_str("cloud")?.or_else(|| environment.get("OS_CLOUD"));
        Ok(match name {
            Some(name) => Self { config, cloud: Some(clouds::named(name, environment)?), environment: None },
            None => Self { config, cloud: None, environment: Some(environment) },
        })
    }

    fn get(&self, argument: &str) -> Result<Option<String>, AttributeError> {
        if let Some(given) = self.config.opt_str(argument)? {
            return Ok(Some(given.to_owned()));
        }
        let in_auth = AUTH.iter().find(|(a, ..)| *a == argument);
        let (_, variable, key) =
            in_auth.or_else(|| REST.iter().find(|(a, ..)| *a == argument)).expect("a listed argument");
        if let Some(environment) = self.environment {
            return Ok(environment.get(variable).map(str::to_owned));
        }
        let cloud = self.cloud.as_ref().unwrap_or(&Json::Null);
        let value = if in_auth.is_some() { &cloud["auth"][key] } else { &cloud[key] };
        Ok(match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn account(&self) -> Result<Account, Fault> {
        let auth_url = self.get("auth_url")?.ok_or_else(|| {
            Fault::new("nothing says which OpenStack cloud to use").detail(
                "Name one of clouds.yaml with \"cloud\" in the provider block (or OS_CLOUD), set \"auth_url\", \
                 or load the cloud's openrc file, which sets OS_AUTH_URL and the rest.",
            )
        })?;
        let root = auth_url.trim_end_matches('/');
        let auth_url = if root.ends_with("/v3") { root.to_owned() } else { format!("{root}/v3") };
        let verify = match (self.config.opt_bool("insecure")?, &self.cloud) {
            (Some(insecure), _) => !insecure,
            (None, Some(cloud)) => cloud["verify"].as_bool().unwrap_or(true),
            (None, None) => true,
        };
        Ok(Account {
            auth_url,
            credentials: self.credentials()?,
            region: self.get("region")?,
            interface: self.interface()?,
            ca_file: self.get("ca_file")?.map(PathBuf::from),
            verify,
            endpoints: self.endpoints()?,
        })
    }

    fn credentials(&self) -> Result<Credentials, Fault> {
        if let Some(secret) = self.get("application_credential_secret")? {
            let credential = match self.get("application_credential_id")? {
                Some(id) => ApplicationCredential::Id(id),
                None => ApplicationCredential::Name {
                    name: self
                        .get("application_credential_name")?
                        .ok_or_else(|| self.missing("application_credential_id"))?,
                    user: self.named("user")?.ok_or_else(|| self.missing("user_name"))?,
                },
            };
            return Ok(Credentials::ApplicationCredential { credential, secret: secret.into() });
        }
        let password = self.get("password")?.ok_or_else(|| self.missing("password"))?;
        Ok(Credentials::Password {
            user: self.named("user")?.ok_or_else(|| self.missing("user_name"))?,
            password: password.into(),
            project: self.named("project")?.ok_or_else(|| self.missing("project_name"))?,
        })
    }

    fn named(&self, what: &str) -> Result<Option<Named>, Fault> {
        if let Some(id) = self.get(&format!("{what}_id"))? {
            return Ok(Some(Named::Id(id)));
        }
        let Some(name) = self.get(&format!("{what}_name"))? else { return Ok(None) };
        let own = self.domain(what)?;
        let domain = match own {
            Some(domain) => domain,
            None => self.domain("user")?.unwrap_or_else(|| Domain::Name("Default".into())),
        };
        Ok(Some(Named::Name { name, domain }))
    }

    fn domain(&self, of: &str) -> Result<Option<Domain>, Fault> {
        if let Some(id) = self.get(&format!("{of}_domain_id"))? {
            return Ok(Some(Domain::Id(id)));
        }
        Ok(self.get(&format!("{of}_domain_name"))?.map(Domain::Name))
    }

    fn interface(&self) -> Result<String, Fault> {
        let given = self.get("interface")?.unwrap_or_else(|| "public".into());
        // Older files write publicURL.
        let interface = given.trim_end_matches("URL");
        match ["public", "internal", "admin"].contains(&interface) {
            true => Ok(interface.to_owned()),
            false => Err(Fault::new(format!("\"{given}\" is no interface of a service"))
                .detail("Set \"interface\" to public, internal or admin.")),
        }
    }

    fn endpoints(&self) -> Result<BTreeMap<String, String>, Fault> {
        let mut endpoints = BTreeMap::new();
        for service in SERVICES {
            if let Some(url) =
                self.cloud.as_ref().and_then(|c| c[format!("{service}_endpoint_override")].as_str())
            {
                endpoints.insert(service.to_owned(), url.to_owned());
            }
        }
        endpoints.extend(self.config.string_map("endpoints")?);
        Ok(endpoints)
    }

    fn missing(&self, argument: &str) -> Fault {
        let (_, variable, key) = AUTH.iter().find(|(a, ..)| *a == argument).expect("a listed argument");
        let place = match &self.cloud {
            Some(_) => format!("\"auth: {key}\" in clouds.yaml"),
            None => format!("the variable {variable}"),
        };
        Fault::new(format!("nothing says the {} for the OpenStack cloud", argument.replace('_', " ")))
            .detail(format!("Set \"{argument}\" in the provider block, or {place}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn by_variables(variables: &[(&str, &str)], config: Object) -> Result<Account, Fault> {
        Account::of(&config, &Environment::of_variables(variables))
    }

    const VARIABLES: [(&str, &str); 4] = [
        ("OS_AUTH_URL", "https://keystone/identity/"),
        ("OS_USERNAME", "ann"),
        ("OS_PASSWORD", "canary"),
        ("OS_PROJECT_NAME", "site"),
    ];

    #[test]
    fn variables_are_enough_and_arguments_count_before_them() {
        let account = by_variables(&VARIABLES, Object::new().with("project_id", "p1")).expect("an account");
        assert_eq!(account.auth_url, "https://keystone/identity/v3");
        let Credentials::Password { project: Named::Id(id), .. } = &account.credentials else {
            panic!("{account:?}")
        };
        assert_eq!(id, "p1");
        assert!(!format!("{account:?}").contains("canary"), "a password is never shown");
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = by_variables(&VARIABLES[..2], Object::new()).expect_err("no password");
        assert!(fault.to_string().contains("OS_PASSWORD"), "{fault}");
        let fault = by_variables(&[], Object::new()).expect_err("no cloud");
        assert!(fault.detail.contains("OS_AUTH_URL"), "{fault}");
    }

    #[test]
    fn a_named_cloud_is_taken_from_the_file_with_the_secrets_of_the_other() {
        let folder = tempfile::tempdir().expect("folder");
        let (clouds, secure) = (folder.path().join("c.yaml"), folder.path().join("s.yaml"));
        let text = "clouds:\n  uni:\n    region_name: R2\n    interface: internal\n    auth:\n      \
                    auth_url: https://k/v3\n      application_credential_id: a1\n    \
                    compute_endpoint_override: https://nova/v2.1\n";
        std::fs::write(&clouds, text).expect("clouds.yaml");
        let secret = "clouds:\n  uni:\n    auth:\n      application_credential_secret: s1\n";
        std::fs::write(&secure, secret).expect("secure.yaml");
        let (clouds, secure) = (clouds.display().to_string(), secure.display().to_string());
        // A password in the environment belongs to another cloud.
        let variables = [
            ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
            ("OS_CLIENT_SECURE_FILE", secure.as_str()),
            ("OS_PASSWORD", "canary"),
        ];
        let account = by_variables(&variables, Object::new().with("cloud", "uni")).expect("an account");
        assert_eq!((account.region.as_deref(), account.interface.as_str()), (Some("R2"), "internal"));
        assert_eq!(account.endpoints["compute"], "https://nova/v2.1");
        let Credentials::ApplicationCredential { secret, .. } = &account.credentials else {
            panic!("{account:?}")
        };
        assert_eq!(secret.expose_secret(), "s1");

        let fault = by_variables(&variables, Object::new().with("cloud", "other")).expect_err("unknown");
        assert!(fault.detail.contains("uni"), "{fault}");
    }

    #[test]
    fn a_broken_file_is_told_by_its_place_and_not_by_its_content() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("clouds.yaml");
        std::fs::write(&path, "clouds:\n  uni: {password: canary\n").expect("file");
        let path = path.display().to_string();
        let variables = [("OS_CLIENT_CONFIG_FILE", path.as_str()), ("OS_CLOUD", "uni")];
        let fault = by_variables(&variables, Object::new()).expect_err("broken");
        assert!(fault.summary.contains("not YAML") && !fault.to_string().contains("canary"), "{fault}");
    }
}
