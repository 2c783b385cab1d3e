use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use mprov_sdk::{AttributeError, Fault};

/// What a failed call of EC2 means for the one who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// EC2 said no: nothing was done.
    Refused,
    /// EC2 asks to come back later: nothing was done.
    Throttled,
    /// No answer that tells whether it was done.
    Doubtful,
    /// The request did not leave this machine, or the user does not want to wait any longer.
    Stopped,
}

/// A call of EC2 that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub nature: Nature,
    /// EC2's error code; empty where none came.
    pub code: String,
    pub message: String,
    /// A fault that is complete already.
    fault: Option<Box<Fault>>,
}

/// Error codes of requests that come too fast (Amazon EC2 API Reference, "Error codes").
const THROTTLING: [&str; 8] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "SnapshotCreationPerVolumeRateExceeded",
    "EC2ThrottledException",
];

/// Codes of status 5xx that say for certain that nothing was done.
const CAPACITY: [&str; 4] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientAddressCapacity",
    "InsufficientVolumeCapacity",
];

impl Failure {
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self { nature: Nature::Refused, code: code.to_owned(), message: message.into(), fault: None }
    }

    /// The user does not want to wait any longer.
    pub fn interrupted() -> Self {
        let message = "the wait was interrupted".to_owned();
        Self { nature: Nature::Stopped, code: String::new(), message, fault: None }
    }

    pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default().to_owned();
                let message = service.err().message().unwrap_or_default().to_owned();
                let message = if message.is_empty() { format!("HTTP status {status}") } else { message };
                Self { nature: nature(&code, status), code, message, fault: None }
            }
            SdkError::ConstructionFailure(_) => Self::local(Nature::Stopped, error),
            SdkError::DispatchFailure(failed) if failed.is_user() => Self::local(Nature::Stopped, error),
            _ => Self::local(Nature::Doubtful, error),
        }
    }

    fn local<E: ProvideErrorMetadata>(nature: Nature, error: &SdkError<E, HttpResponse>) -> Self {
        let message = match error {
            SdkError::DispatchFailure(failed) => {
                failed.as_connector_error().map_or_else(|| "no connection".to_owned(), |e| root_cause(&e))
            }
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::ResponseError(_) => "the answer broke off or made no sense".to_owned(),
            _ => "the request could not be made".to_owned(),
        };
        Self { nature, code: String::new(), message, fault: None }
    }

    /// Whether it says that the thing is not there. What was made a moment ago may be called so too.
    pub fn is_not_found(&self) -> bool {
        self.nature == Nature::Refused && (self.code.ends_with("NotFound") || self.code.ends_with("Unknown"))
    }

    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// As a fault that says what could not be done.
    pub fn fault(self, what: impl Into<String>) -> Fault {
        if let Some(fault) = self.fault {
            return *fault;
        }
        let message = self.message.trim().trim_end_matches('.');
        let detail = match self.nature {
            Nature::Stopped => format!("{message}. The next run looks at what became of it."),
            Nature::Doubtful => format!(
                "EC2 gave no clear answer ({message}). See that the network and the region are well, then run \
                 the command again."
            ),
            Nature::Throttled => format!(
                "EC2 says {}: {message}. The account makes too many requests; run the command again later, or \
                 with less parallelism.",
                self.code
            ),
            Nature::Refused => format!("EC2 says {}: {message}.{}", self.code, advice(&self.code)),
        };
        Fault::new(what).detail(detail)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self {
            nature: Nature::Refused,
            code: String::new(),
            message: fault.summary.clone(),
            fault: Some(Box::new(fault)),
        }
    }
}

impl From<AttributeError> for Failure {
    fn from(error: AttributeError) -> Self {
        Fault::from(error).into()
    }
}

fn nature(code: &str, status: u16) -> Nature {
    if THROTTLING.contains(&code) || status == 429 {
        Nature::Throttled
    } else if status >= 500 && !CAPACITY.contains(&code) {
        Nature::Doubtful
    } else {
        Nature::Refused
    }
}

/// What to do about an error, with a space before it; empty where the message says it all.
fn advice(code: &str) -> &'static str {
    match code {
        "InsufficientInstanceCapacity" | "InsufficientHostCapacity" => {
            " AWS has no machine of this type free in this zone now: choose another \"instance_type\" or \
             \"availability_zone\", or try again later."
        }
        "InsufficientVolumeCapacity" => " Choose another zone or volume type, or try again later.",
        "UnauthorizedOperation" | "AccessDenied" => {
            " The credentials may not do this: add the permission to the user's or role's policy."
        }
        "AuthFailure"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "RequestExpired" => {
            " The credentials are wrong or have expired, or this machine's clock is: see \
             `aws sts get-caller-identity`."
        }
        "OptInRequired" => " Enable the service or region in the AWS account first.",
        "DependencyViolation" | "InvalidGroup.InUse" | "VolumeInUse" | "InvalidSnapshot.InUse" => {
            " Something that mprov does not manage here still uses it: remove that, then run the command again."
        }
        "VolumeModificationRateExceeded" | "IncorrectModificationState" => {
            " EC2 allows only few changes of a volume in a day and one at a time: wait, then run the command \
             again."
        }
        "OperationNotPermitted" => {
            " If it is protected against termination, set \"termination_protection\" to false first."
        }
        code if code.ends_with("LimitExceeded") => {
            " The account's quota is used up: ask AWS to raise it (Service Quotas), or remove what is not \
             needed."
        }
        _ => "",
    }
}

/// The innermost error: wrappers only say that something failed.
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_the_server_is_doubt_unless_the_code_says_more() {
        assert_eq!(nature("InternalError", 500), Nature::Doubtful);
        assert_eq!(nature("", 503), Nature::Doubtful);
        assert_eq!(nature("RequestLimitExceeded", 503), Nature::Throttled);
        assert_eq!(nature("InsufficientInstanceCapacity", 500), Nature::Refused);
        assert_eq!(nature("InvalidParameterValue", 400), Nature::Refused);
    }

    #[test]
    fn lack_of_capacity_says_what_to_do() {
        let fault = Failure::refused("InsufficientInstanceCapacity", "no t3.small").fault("x");
        assert!(fault.detail.contains("availability_zone"), "{fault}");
    }

    #[test]
    fn quotas_are_told_from_throttling() {
        let fault = Failure::refused("VpcLimitExceeded", "5 of 5").fault("x");
        assert!(fault.detail.contains("quota"), "{fault}");
    }
}
