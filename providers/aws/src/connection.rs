use std::path::PathBuf;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::ProvideCredentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use mprov_sdk::{Fault, Object};

use crate::failure::root_cause;

/// For EC2 to begin to answer.
const ANSWER: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);

/// A client for the account and region that the provider block, or the surroundings as AWS defines
/// them, name (AWS SDKs and Tools Reference Guide, "Standardized credential providers").
pub async fn connect(config: &Object) -> Result<Client, Fault> {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    // What is tried again, and what must not be, is decided where it is asked: see `ask`.
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(region) = config.opt_str("region")? {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = config.opt_str("profile")? {
        loader = loader.profile_name(profile);
    }
    if let Some(file) = config.opt_str("credentials_file")? {
        let files = EnvConfigFiles::builder().include_default_config_file(true);
        loader = loader
            .profile_files(files.with_file(EnvConfigFileKind::Credentials, PathBuf::from(file)).build());
    }
    let surroundings = loader.load().await;
    if surroundings.region().is_none() {
        return Err(Fault::new("no AWS region is known").detail(
            "Set \"region\" in the provider block, AWS_REGION in the environment, or \"region\" in the profile.",
        ));
    }
    let credentials = surroundings.credentials_provider();
    let credentials = credentials.ok_or_else(|| no_credentials("there is no provider of credentials"))?;
    credentials.provide_credentials().await.map_err(|e| no_credentials(&root_cause(&e)))?;
    let mut ec2 = aws_sdk_ec2::config::Builder::from(&surroundings);
    if let Some(endpoint) = config.opt_str("endpoint")? {
        ec2 = ec2.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(ec2.build()))
}

fn no_credentials(reason: &str) -> Fault {
    Fault::new("no AWS credentials were found").detail(format!(
        "{reason}. They are looked for as AWS defines it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the \
         profile (\"profile\" here or AWS_PROFILE) in ~/.aws, a web identity, the role of the container or \
         machine. Profiles of IAM Identity Center work through `credential_process`."
    ))
}
