//! The vocabulary that the engine and every provider share: values, types, schemas, diagnostics,
//! addresses, events and the provider traits. No input, no output.

mod address;
mod codec;
mod convert;
mod diagnostic;
mod duration;
mod event;
mod fault;
mod impact;
mod object;
mod plan;
mod provider;
mod schema;
mod service;
mod types;
mod usage;
mod value;

pub use address::{Address, AddressError, InstanceKey, Mode, ModulePath, ModuleStep, ResourceAddress};
pub use codec::{CodecError, NoSeal, Seal, decode, decode_object, encode, encode_object};
pub use convert::{ConvertError, convert, unify};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Label, Severity, SourceId, Span};
pub use duration::parse_duration;
pub use event::{Event, Events, Progress, Silent};
pub use fault::Fault;
pub use impact::{Impact, Undo};
pub use object::{AttributeError, Name, Object};
pub use plan::{Change, PlanRequest, Planned, Verdict, plan_by_schema};
pub use provider::{Call, DataSource, Provider, Resource, Session};
pub use schema::{Attribute, Presence, ProviderSchema, Schema, Syntax};
pub use service::{ContainerExec, ExecOutput, ExecRequest, FileWrite, Machine, Services};
pub use tokio_util::sync::CancellationToken;
pub use types::{Field, Type};
pub use usage::{Usage, Written};
pub use value::{Number, NumberError, Unknown, Value};
