use std::collections::BTreeMap;

use mprov_sdk::{Attribute, Field, Name, Presence, Schema, Syntax, Type, Value};

/// How a value may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Argument,
    Block,
    Blocks,
    /// Inside of blocks, where the schema does not say: objects may be written either way.
    ArgumentOrBlock,
    ArgumentOrBlocks,
}

/// One name that a body may give a value to, at the top or in a nested block.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'s> {
    pub ty: &'s Type,
    pub form: Form,
    pub required: bool,
    pub settable: bool,
    pub default: Option<&'s Value>,
}

/// The names of a body.
#[derive(Clone, Copy)]
pub enum Slots<'s> {
    Schema(&'s Schema),
    Fields(&'s BTreeMap<Name, Field>),
}

impl<'s> Slots<'s> {
    pub fn get(self, name: &str) -> Option<Slot<'s>> {
        match self {
            Self::Schema(schema) => schema.attributes.get(name).map(of_attribute),
            Self::Fields(fields) => fields.get(name).map(of_field),
        }
    }

    pub fn iter(self) -> Box<dyn Iterator<Item = (&'s Name, Slot<'s>)> + 's> {
        match self {
            Self::Schema(schema) => Box::new(schema.attributes.iter().map(|(n, a)| (n, of_attribute(a)))),
            Self::Fields(fields) => Box::new(fields.iter().map(|(n, f)| (n, of_field(f)))),
        }
    }

    /// The names that can be set, for suggestions.
    pub fn names(self) -> impl Iterator<Item = &'s str> {
        self.iter().filter(|(_, slot)| slot.settable).map(|(name, _)| &**name)
    }
}

impl<'s> Slot<'s> {
    pub fn takes_argument(&self) -> bool {
        matches!(self.form, Form::Argument | Form::ArgumentOrBlock | Form::ArgumentOrBlocks)
    }

    pub fn takes_blocks(&self) -> bool {
        self.form != Form::Argument
    }

    pub fn takes_many_blocks(&self) -> bool {
        matches!(self.form, Form::Blocks | Form::ArgumentOrBlocks)
    }

    /// The names inside of its blocks.
    pub fn inner(&self) -> Option<Slots<'s>> {
        match self.ty {
            Type::Object(fields) => Some(Slots::Fields(fields)),
            Type::List(element) | Type::Set(element) => match &**element {
                Type::Object(fields) => Some(Slots::Fields(fields)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn of_attribute(attribute: &Attribute) -> Slot<'_> {
    Slot {
        ty: &attribute.ty,
        form: match attribute.syntax {
            Syntax::Argument => Form::Argument,
            Syntax::Block => Form::Block,
            Syntax::Blocks => Form::Blocks,
        },
        required: attribute.presence == Presence::Required,
        settable: attribute.is_settable(),
        default: attribute.default.as_ref(),
    }
}

fn of_field(field: &Field) -> Slot<'_> {
    let form = match &field.ty {
        Type::Object(_) => Form::ArgumentOrBlock,
        Type::List(element) | Type::Set(element) if matches!(**element, Type::Object(_)) => {
            Form::ArgumentOrBlocks
        }
        _ => Form::Argument,
    };
    Slot { ty: &field.ty, form, required: !field.optional, settable: true, default: field.default.as_ref() }
}
