use std::collections::BTreeMap;

use crate::{Field, Impact, Name, Type, Value};

/// Who gives an attribute its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The configuration must.
    Required,
    /// The configuration may.
    Optional,
    /// The configuration may, otherwise the provider does.
    OptionalComputed,
    /// The provider does.
    Computed,
}

/// How an attribute is written in HCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `name = expression`
    Argument,
    /// `name { … }`, any number of times; its type is a list (or set) of objects.
    Blocks,
    /// `name { … }`, at most once; its type is an object.
    Block,
}

/// One attribute of a resource, data source or provider configuration.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub ty: Type,
    pub presence: Presence,
    pub syntax: Syntax,
    pub default: Option<Value>,
    pub sensitive: bool,
    /// A change of it cannot be made in place.
    pub replaces: bool,
    /// For computed attributes: the attributes whose change makes this one unknown until the
    /// apply. Empty means that only a replacement changes it.
    pub recomputed_by: Vec<&'static str>,
    /// What users notice of a change of it in place.
    pub impact: Option<Impact>,
    pub description: &'static str,
}

impl Attribute {
    fn new(presence: Presence, ty: Type, description: &'static str) -> Self {
        Self {
            ty,
            presence,
            syntax: Syntax::Argument,
            default: None,
            sensitive: false,
            replaces: false,
            recomputed_by: Vec::new(),
            impact: None,
            description,
        }
    }

    pub fn required(ty: Type, description: &'static str) -> Self {
        Self::new(Presence::Required, ty, description)
    }

    pub fn optional(ty: Type, description: &'static str) -> Self {
        Self::new(Presence::Optional, ty, description)
    }

    pub fn optional_computed(ty: Type, description: &'static str) -> Self {
        Self::new(Presence::OptionalComputed, ty, description)
    }

    pub fn computed(ty: Type, description: &'static str) -> Self {
        Self::new(Presence::Computed, ty, description)
    }

    /// Blocks `name { … }`, any number of them. `fields` are the object type's.
    pub fn blocks<N: Into<Name>>(
        fields: impl IntoIterator<Item = (N, Field)>,
        description: &'static str,
    ) -> Self {
        let ty = Type::list(Type::object(fields));
        Self { syntax: Syntax::Blocks, ..Self::new(Presence::Optional, ty, description) }
    }

    /// One block `name { … }`, or none.
    pub fn block<N: Into<Name>>(
        fields: impl IntoIterator<Item = (N, Field)>,
        description: &'static str,
    ) -> Self {
        Self { syntax: Syntax::Block, ..Self::new(Presence::Optional, Type::object(fields), description) }
    }

    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }

    pub fn recomputed_by(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.recomputed_by = names.into_iter().collect();
        self
    }

    pub fn impact(mut self, impact: Impact) -> Self {
        self.impact = Some(impact);
        self
    }

    pub fn is_settable(&self) -> bool {
        self.presence != Presence::Computed
    }

    pub fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::Computed | Presence::OptionalComputed)
    }
}

/// The shape of a resource type, data source or provider configuration.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The full type name, `docker_container`.
    pub name: &'static str,
    /// Raised when stored attributes of older versions no longer fit.
    pub version: u32,
    pub description: &'static str,
    pub attributes: BTreeMap<Name, Attribute>,
    /// A delete of it loses data that nothing can bring back; what, in a few words.
    pub holds_data: Option<&'static str>,
    /// What users notice when it is deleted or replaced.
    pub delete_impact: Option<Impact>,
    /// It lives in mprov's memory and state only: there is nothing outside to be in doubt about,
    /// to be read or to drift.
    pub is_value: bool,
    /// Name of the bool attribute that keeps users' requests out while it is true, for types that
    /// stand between users and what they use. Set around a cut-over.
    pub freezes_by: Option<&'static str>,
    /// Users write through it: [`crate::Resource::written_since`] can tell how much.
    pub counts_writes: bool,
}

impl Schema {
    pub fn new<N: Into<Name>>(
        name: &'static str,
        description: &'static str,
        attributes: impl IntoIterator<Item = (N, Attribute)>,
    ) -> Self {
        Self {
            name,
            version: 1,
            description,
            attributes: attributes.into_iter().map(|(n, a)| (n.into(), a)).collect(),
            holds_data: None,
            delete_impact: None,
            is_value: false,
            freezes_by: None,
            counts_writes: false,
        }
    }

    pub fn holds_data(mut self, what: &'static str) -> Self {
        self.holds_data = Some(what);
        self
    }

    pub fn delete_impact(mut self, impact: Impact) -> Self {
        self.delete_impact = Some(impact);
        self
    }

    pub fn freezes_by(mut self, attribute: &'static str) -> Self {
        self.freezes_by = Some(attribute);
        self
    }

    pub fn counts_writes(mut self) -> Self {
        self.counts_writes = true;
        self
    }

    /// Marks a type whose instances are values only.
    pub fn value(mut self) -> Self {
        self.is_value = true;
        self
    }

    /// The type of an instance's attributes as one object.
    pub fn ty(&self) -> Type {
        Type::Object(
            self.attributes.iter().map(|(name, a)| (name.clone(), Field::optional(a.ty.clone()))).collect(),
        )
    }
}

/// Everything a provider offers.
#[derive(Clone, Debug)]
pub struct ProviderSchema {
    /// The prefix of its type names and the label of its `provider` blocks.
    pub name: &'static str,
    pub description: &'static str,
    /// What a `provider` block may say.
    pub config: Schema,
    pub resources: Vec<Schema>,
    pub data_sources: Vec<Schema>,
    /// Names of the providers through whose sessions it reaches machines and containers.
    pub uses: &'static [&'static str],
}

impl ProviderSchema {
    pub fn resource(&self, kind: &str) -> Option<&Schema> {
        self.resources.iter().find(|s| s.name == kind)
    }

    pub fn data_source(&self, kind: &str) -> Option<&Schema> {
        self.data_sources.iter().find(|s| s.name == kind)
    }
}
