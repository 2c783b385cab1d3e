use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::Filter;
use mprov_sdk::Call;
use tokio::time::Instant;

use crate::failure::{Failure, Nature};
use crate::pace::Pace;
use crate::tags;

/// The connection to EC2 that all resources of one session share.
pub struct Ec2 {
    pub client: Client,
    /// Tags of everything that is made.
    pub default_tags: BTreeMap<String, String>,
    pub pace: Pace,
}

/// After which answers a call is tried again, besides throttling.
#[derive(Clone, Copy)]
struct Again {
    doubtful: bool,
    not_found: bool,
}

/// EC2, asked for one provider call.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub ec2: &'a Ec2,
    pub call: &'a Call,
}

impl<'a> Ask<'a> {
    pub fn client(&self) -> &'a Client {
        &self.ec2.client
    }

    pub fn pace(&self) -> &'a Pace {
        &self.ec2.pace
    }

    /// Makes a call that does no harm when it is made twice: a change, a create with a client token.
    /// Tried again when EC2 throttles or gives no clear answer, and for a while when it does not
    /// know what the call is about: that may be new.
    pub async fn safely<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.repeat(send, Again { doubtful: true, not_found: true }).await
    }

    /// Makes a call that must not take effect twice: not tried again when the answer is not clear.
    /// The caller has to look what a [`Nature::Doubtful`] one has done.
    pub async fn once<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.repeat(send, Again { doubtful: false, not_found: true }).await
    }

    /// Asks, or removes: that EC2 does not know the thing is an answer.
    pub async fn plainly<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.repeat(send, Again { doubtful: true, not_found: false }).await
    }

    /// A question for one thing, or for several: none if EC2 says that it is not there.
    pub async fn found<T, E, F>(&self, send: impl Fn() -> F) -> Result<Option<T>, Failure>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        match self.plainly(send).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn repeat<T, E, F>(&self, send: impl Fn() -> F, again: Again) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let since = Instant::now();
        let mut attempt = 1;
        loop {
            let failure = match send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::of(&error),
            };
            if again.not_found && failure.is_not_found() && self.may_come_into_sight(since).await? {
                continue;
            }
            let goes_on = match failure.nature {
                Nature::Throttled => true,
                Nature::Doubtful => again.doubtful,
                Nature::Refused | Nature::Stopped => false,
            };
            if !goes_on || attempt >= self.pace().tries {
                return Err(failure);
            }
            let reason = if failure.code.is_empty() { &failure.message } else { &failure.code };
            self.call.events.progress(&format!("EC2 says {reason}: trying again ({attempt})"));
            self.pause(self.pace().before_retry(attempt)).await?;
            attempt += 1;
        }
    }

    /// Waits, unless the user does not want to any longer.
    pub async fn pause(&self, time: Duration) -> Result<(), Failure> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            () = self.call.cancel.cancelled() => Err(Failure::interrupted()),
        }
    }

    /// Whether something may still be out of sight that was asked for at that time; a moment
    /// later.
    pub async fn may_come_into_sight(&self, since: Instant) -> Result<bool, Failure> {
        self.pause(self.pace().poll).await?;
        Ok(since.elapsed() < self.pace().out_of_sight)
    }

    /// A filter for what this call's step has made.
    pub fn token_filter(&self) -> Filter {
        filter(&format!("tag:{}", tags::TOKEN), &self.call.token)
    }

    /// The idempotency token of EC2's own (at most 64 ASCII characters).
    pub fn client_token(&self) -> String {
        blake3::hash(self.call.token.as_bytes()).to_hex()[..40].to_owned()
    }
}

pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
