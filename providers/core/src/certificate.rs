use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mprov_sdk::{Attribute, Diagnostics, Fault, Field, Object, PlanRequest, Planned, Schema, Type};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};

use crate::kept::{Kind, known_i64, plan_worn, refused};
use crate::random::random_bytes;
use crate::time::{parse_time, rfc3339, whole_seconds};

/// Subject fields by their name in HCL.
const SUBJECT: [(&str, DnType); 6] = [
    ("common_name", DnType::CommonName),
    ("organization", DnType::OrganizationName),
    ("organizational_unit", DnType::OrganizationalUnitName),
    ("locality", DnType::LocalityName),
    ("province", DnType::StateOrProvinceName),
    ("country", DnType::CountryName),
];
/// A hundred years: what a person could mean.
const MAX_HOURS: i64 = 876_000;

/// `core_self_signed_cert`: a certificate signed by its own key.
pub struct SelfSignedCertificate;

impl Kind for SelfSignedCertificate {
    fn schema(&self) -> Schema {
        let subject = SUBJECT.map(|(name, _)| (name, Field::optional(Type::String)));
        Schema::new(
            "core_self_signed_cert",
            "A TLS certificate signed by its own key.",
            [
                (
                    "private_key_pem",
                    Attribute::required(Type::String, "The key, PKCS #8 in PEM.").sensitive().replaces(),
                ),
                ("subject", Attribute::block(subject, "Whom the certificate names.").replaces()),
                (
                    "dns_names",
                    Attribute::optional(Type::list(Type::String), "Host names it is valid for.").replaces(),
                ),
                (
                    "ip_addresses",
                    Attribute::optional(Type::list(Type::String), "IP addresses it is valid for.").replaces(),
                ),
                (
                    "validity_hours",
                    Attribute::required(Type::Number, "For how many hours it is valid.").replaces(),
                ),
                (
                    "early_renewal_hours",
                    Attribute::optional(Type::Number, "Replaced so many hours before the end.").default(0),
                ),
                (
                    "is_ca",
                    Attribute::optional(Type::Bool, "It may sign other certificates.")
                        .default(false)
                        .replaces(),
                ),
                ("cert_pem", Attribute::computed(Type::String, "The certificate in PEM.")),
                ("validity_start_time", Attribute::computed(Type::String, "RFC 3339, UTC.")),
                ("validity_end_time", Attribute::computed(Type::String, "RFC 3339, UTC.")),
                (
                    "ready_for_renewal",
                    Attribute::computed(Type::Bool, "Near its end: the next apply replaces it.")
                        .recomputed_by(["early_renewal_hours"]),
                ),
                ("id", Attribute::computed(Type::String, "The serial number in hexadecimal.")),
            ],
        )
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut found = Diagnostics::new();
        let hours = known_i64(config, "validity_hours");
        if let Some(n) = hours
            && !(1..=MAX_HOURS).contains(&n)
        {
            let summary = format!("validity_hours is {n}, it must be from 1 to {MAX_HOURS}");
            found.push(refused("validity_hours", summary, "A year is 8760 hours."));
        }
        if let (Some(early), Some(hours)) = (known_i64(config, "early_renewal_hours"), hours)
            && !(0..hours).contains(&early)
        {
            let summary = format!("early_renewal_hours is {early}, it must be from 0 to less than {hours}");
            let detail = "A certificate that is due for renewal when it is made would be replaced forever.";
            found.push(refused("early_renewal_hours", summary, detail));
        }
        for address in config["ip_addresses"].as_elements().unwrap_or(&[]) {
            if let Some(text) = address.as_str()
                && text.parse::<IpAddr>().is_err()
            {
                let detail = "Host names belong into dns_names.";
                found.push(refused("ip_addresses", format!("\"{text}\" is not an IP address"), detail));
            }
        }
        found
    }

    fn plan(&self, schema: &Schema, request: &PlanRequest<'_>) -> Planned {
        plan_worn(schema, request, "ready_for_renewal")
    }

    fn make(&self, planned: &Object, now: Timestamp) -> Result<Object, Fault> {
        let start = whole_seconds(now);
        let hours = planned.i64("validity_hours")?;
        let end =
            (1..=MAX_HOURS).contains(&hours).then(|| start.checked_add(SignedDuration::from_hours(hours)));
        let Some(Ok(end)) = end else {
            return Err(Fault::new(format!("a certificate cannot be valid for {hours} hours")));
        };
        let serial = serial_number()?;
        let key = KeyPair::from_pem(planned.str("private_key_pem")?).map_err(|error| {
            Fault::new("private_key_pem is not a key that can sign a certificate").detail(format!(
                "{error}. Give an ECDSA, Ed25519 or RSA key as PKCS #8 in PEM (\"BEGIN PRIVATE KEY\"); \
                 `openssl pkcs8 -topk8 -nodes` converts other forms."
            ))
        })?;
        let mut params = params(planned)?;
        // The signer's date type has no name here: counted up from 1970.
        let date = |time: Timestamp| {
            date_time_ymd(1970, 1, 1) + Duration::from_secs(time.as_second().max(0).unsigned_abs())
        };
        params.not_before = date(start);
        params.not_after = date(end);
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params
            .self_signed(&key)
            .map_err(|e| Fault::new("the certificate could not be signed").detail(e.to_string()))?;
        let made = planned
            .clone()
            .with("cert_pem", certificate.pem())
            .with("validity_start_time", rfc3339(start))
            .with("validity_end_time", rfc3339(end))
            .with("id", serial.iter().map(|b| format!("{b:02x}")).collect::<String>());
        self.observe(&made, now)
    }

    fn revise(&self, _: &Object, planned: &Object, now: Timestamp) -> Result<Object, Fault> {
        self.observe(planned, now)
    }

    fn observe(&self, stored: &Object, now: Timestamp) -> Result<Object, Fault> {
        let end = parse_time("validity_end_time", stored.str("validity_end_time")?)?;
        let early = stored.opt_i64("early_renewal_hours")?.unwrap_or(0).clamp(0, MAX_HOURS);
        let due = end.checked_sub(SignedDuration::from_hours(early)).unwrap_or(end);
        Ok(stored.clone().with("ready_for_renewal", now >= due))
    }
}

fn params(planned: &Object) -> Result<CertificateParams, Fault> {
    let dns_names = planned.strings("dns_names")?;
    let wrong = |name: &str| {
        Fault::new(format!("\"{name}\" cannot stand in a certificate"))
            .detail("Host names are ASCII; write others in their xn-- form.")
    };
    let mut params = CertificateParams::default();
    for name in &dns_names {
        let name = name.as_str().try_into().map_err(|_| wrong(name))?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    for text in planned.strings("ip_addresses")? {
        let address = text.parse().map_err(|_| Fault::new(format!("\"{text}\" is not an IP address")))?;
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    params.distinguished_name = DistinguishedName::new();
    if let Some(subject) = planned.object("subject")? {
        for (name, field) in SUBJECT {
            if let Some(text) = subject.opt_str(name)? {
                params.distinguished_name.push(field, text);
            }
        }
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    match planned.opt_bool("is_ca")? {
        Some(true) => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.extend([KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
        }
        _ => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
    }
    Ok(params)
}

/// Positive and never 0. New for every certificate: browsers refuse a second certificate with the
/// issuer and serial number of the first.
fn serial_number() -> Result<Vec<u8>, Fault> {
    let mut serial = random_bytes(16)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use mprov_sdk::{Value, Verdict};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn config(is_ca: bool) -> Object {
        let key = KeyPair::generate().unwrap().serialize_pem();
        Object::new()
            .with("private_key_pem", Value::from(key).sensitive())
            .with("subject", Value::object([("common_name", "moodle.example".into())]))
            .with("dns_names", Value::list(["moodle.example".into(), "*.moodle.example".into()]))
            .with("ip_addresses", Value::list(["127.0.0.1".into()]))
            .with("validity_hours", 240)
            .with("early_renewal_hours", 24)
            .with("is_ca", is_ca)
    }

    fn openssl(arguments: &[&str], certificate: &Object) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cert.pem");
        std::fs::write(&file, certificate.str("cert_pem").unwrap()).unwrap();
        let arguments = arguments.iter().map(|a| if *a == "FILE" { file.to_str().unwrap() } else { a });
        Command::new("openssl").args(arguments).output().expect("openssl is needed")
    }

    #[test]
    fn openssl_reads_names_dates_and_accepts_the_signature() {
        let made = SelfSignedCertificate.make(&config(false), at("2026-01-01T00:00:00Z")).unwrap();
        let output = openssl(&["x509", "-in", "FILE", "-noout", "-text"], &made);
        let text = String::from_utf8(output.stdout).unwrap();
        for expected in [
            "CN = moodle.example",
            "DNS:moodle.example, DNS:*.moodle.example, IP Address:127.0.0.1",
            "Not Before: Jan  1 00:00:00 2026 GMT",
            "Not After : Jan 11 00:00:00 2026 GMT",
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
        let now = at("2026-01-05T00:00:00Z").as_second().to_string();
        let verified = openssl(&["verify", "-attime", &now, "-CAfile", "FILE", "FILE"], &made);
        assert!(verified.status.success(), "{verified:?}");
    }

    #[test]
    fn a_certificate_of_an_authority_may_sign() {
        let made = SelfSignedCertificate.make(&config(true), at("2026-01-01T00:00:00Z")).unwrap();
        let output = openssl(&["x509", "-in", "FILE", "-noout", "-ext", "basicConstraints,keyUsage"], &made);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("CA:TRUE") && text.contains("Certificate Sign"), "{text}");
    }

    #[test]
    fn near_its_end_it_is_replaced_and_the_next_one_has_another_serial_number() {
        let config = config(false);
        let made = SelfSignedCertificate.make(&config, at("2026-01-01T00:00:00Z")).unwrap();
        let schema = SelfSignedCertificate.schema();
        let plan = |now| {
            let seen = SelfSignedCertificate.observe(&made, at(now)).unwrap();
            let request = PlanRequest { config: &config, stored: Some(&made), observed: Some(&seen) };
            SelfSignedCertificate.plan(&schema, &request)
        };
        assert_eq!(plan("2026-01-09T23:59:59Z").verdict, Verdict::Nothing);
        let planned = plan("2026-01-10T00:00:00Z");
        assert_eq!(planned.verdict, Verdict::Replace);
        assert!(planned.after["cert_pem"].is_unknown());
        assert_eq!(planned.changes.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["ready_for_renewal"]);
        let next = SelfSignedCertificate.make(&planned.after, at("2026-01-10T00:00:00Z")).unwrap();
        assert_eq!(next["ready_for_renewal"], false.into());
        assert_ne!(next["id"], made["id"]);
    }

    #[test]
    fn a_certificate_that_would_be_renewed_forever_and_a_wrong_address_are_refused() {
        let config = config(false)
            .with("early_renewal_hours", 240)
            .with("ip_addresses", Value::list(["moodle.example".into()]));
        let found = SelfSignedCertificate.validate(&config);
        let places: Vec<&str> = found.iter().filter_map(|d| d.address.as_deref()).collect();
        assert_eq!(places, ["early_renewal_hours", "ip_addresses"]);
    }

    #[test]
    fn what_is_no_key_is_a_fault_that_does_not_show_it() {
        let config = config(false).with("private_key_pem", Value::from("canary-7fe1").sensitive());
        let fault = SelfSignedCertificate.make(&config, at("2026-01-01T00:00:00Z")).unwrap_err();
        assert!(!fault.to_string().contains("canary"), "{fault}");
    }
}
