use async_trait::async_trait;
use aws_sdk_ec2::types::Tag;
use mprov_sdk::{Fault, Object, Schema};

use crate::ask::Ask;
use crate::failure::Failure;

/// What is looked for in EC2.
#[derive(Clone, Copy, Debug)]
pub enum Sought<'a> {
    /// The thing with that id.
    Id(&'a str),
    /// What this call's step has made: by its token in a tag, or, where EC2 takes no tags, by what
    /// it connects.
    Made(&'a Object),
}

/// How far a thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Ready,
    /// On its way to ready: what it does, and per cent where EC2 tells them.
    Coming(String, Option<u64>),
    /// On its way out.
    Going,
    /// There is no such thing any more, with EC2's reason where it gives one.
    Gone(Option<String>),
    /// It will never be ready.
    Failed(String),
}

/// One kind of thing in EC2: the calls that only it has. What all have in common is in
/// [`crate::tracked::Tracked`].
#[async_trait]
pub trait Kind: Send + Sync + 'static {
    /// What EC2 says of one.
    type Seen: Send + Sync;

    /// In a sentence: "volume".
    const NOUN: &'static str;
    /// Its attribute `name` is the tag `Name`.
    const NAMED_BY_TAG: bool = true;
    /// One may come up or go for hours.
    const SLOW: bool = false;

    fn schema() -> Schema;

    async fn look(&self, ask: &Ask<'_>, sought: Sought<'_>) -> Result<Vec<Self::Seen>, Failure>;

    /// Makes one; its id. May be called again when the outcome was in doubt and nothing showed up.
    async fn make(&self, ask: &Ask<'_>, planned: &Object) -> Result<String, Failure>;

    fn id(seen: &Self::Seen) -> String;

    fn standing(seen: &Self::Seen) -> Standing;

    /// None for what EC2 does not tag.
    fn tags(seen: &Self::Seen) -> Option<&[Tag]>;

    /// Every attribute but tags (and the name, where that is one). `known` are the stored or
    /// planned ones, whose form is kept where it means the same; none when it is imported.
    async fn attributes(
        &self,
        ask: &Ask<'_>,
        seen: &Self::Seen,
        known: Option<&Object>,
    ) -> Result<Object, Failure>;

    /// Makes the attributes those of the plan, without tags. Also called after a create, for what
    /// EC2 does not take there: must do nothing where nothing differs.
    async fn change(&self, ask: &Ask<'_>, prior: &Object, planned: &Object) -> Result<(), Failure>;

    /// Asks EC2 to remove it. `prior` may be of a create that did not get far.
    async fn remove(&self, ask: &Ask<'_>, seen: &Self::Seen, prior: &Object) -> Result<(), Failure>;

    /// Whether that is what a delete is meant for: another one may have taken its place meanwhile.
    fn is_meant(_seen: &Self::Seen, _prior: &Object) -> bool {
        true
    }

    /// Refuses in planning what EC2 can never do, with what is there at hand.
    fn refuse(&self, _seen: &Object, _config: &Object) -> Result<(), Fault> {
        Ok(())
    }

    /// How a person names it in an import: an id by which [`Kind::look`] finds it.
    async fn imported_id(&self, _ask: &Ask<'_>, id: &str) -> Result<String, Failure> {
        Ok(id.to_owned())
    }
}
