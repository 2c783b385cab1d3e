use std::time::Duration;

use mprov_sdk::{Change, Impact, Object, Type, Undo, Value};

use super::*;
use crate::plan::{Drift, DriftKind, OutputChange, PlanMode, Reason, Replacement};

fn container() -> Object {
    Object::new().with("id", "c1").with("name", "web").with("image", "a").with("restart", "always")
}

#[test]
fn a_create_shows_every_attribute_that_has_a_value() {
    let after = Object::new()
        .with("id", Value::unknown_from(Type::String, "docker_container.web"))
        .with("host", Value::unknown_from(Type::String, "aws_instance.vm"))
        .with("name", "web")
        .with("password", Value::from("hunter2").sensitive())
        .with("user", Value::Null);
    let step = Step { after: Some(after), ..step("docker_container.web", Action::Create) };
    assert_eq!(
        text(&plan(vec![step])),
        r#"The symbols mean:
  + create

mprov will perform these actions:

  # docker_container.web will be created
  + resource "docker_container" "web" {
      + host     = (known after aws_instance.vm)
      + id       = (known after apply)
      + name     = "web"
      + password = (sensitive value)
    }

Plan: 1 to add, 0 to change, 0 to destroy.
"#
    );
}

#[test]
fn an_update_shows_what_changes_and_counts_the_rest() {
    let mut step = update(
        "module.x.docker_container.web[0]",
        container(),
        container().with("restart", "no").with("memory", 512),
    );
    step.impact = Impact { downtime: Some(Duration::from_secs(4)), ..Impact::default() };
    step.undo = Undo::UntilUsersWrite;
    assert_eq!(
        block(step),
        r#"  # module.x.docker_container.web[0] will be updated in-place
  # impact: about 4 s without service
  # undo: exact only until users write
  ~ resource "docker_container" "web" {
        id      = "c1"
      + memory  = 512
        name    = "web"
      ~ restart = "always" -> "no"
        # (1 unchanged attribute hidden)
    }
"#
    );
}

#[test]
fn a_delete_says_why_and_what_is_lost() {
    let before = Object::new().with("name", "db").with("ports", Value::list([80.into(), 443.into()]));
    let mut step = Step {
        before: Some(before),
        reason: Some(Reason::NotInConfiguration),
        ..step("docker_volume.db", Action::Delete)
    };
    step.impact = Impact::data_lost("the volume's files");
    step.undo = Undo::None("nothing keeps a copy".into());
    let plan = plan(vec![step]);
    assert_eq!(
        text(&plan),
        r#"The symbols mean:
  - destroy

mprov will perform these actions:

  # docker_volume.db will be destroyed
  # (because docker_volume.db is not in configuration)
  # impact: data lost: the volume's files
  # undo: none: nothing keeps a copy
  - resource "docker_volume" "db" {
      - name  = "db" -> null
      - ports = [
          - 80,
          - 443,
        ] -> null
    }

Plan: 0 to add, 0 to change, 1 to destroy.
Data lost: the volume's files.
1 action cannot be undone.
"#
    );
}

fn replacement(order: Replacement, reason: Option<Reason>) -> Vec<Step> {
    let forced = Change { replaces: true, ..change("image", "a", "b") };
    let delete = Step {
        before: Some(container()),
        replacement: Some(order),
        ..step("docker_container.web", Action::Delete)
    };
    let create = Step {
        before: Some(container()),
        after: Some(container().with("image", "b").with("id", Value::unknown(Type::String))),
        changes: vec![forced],
        replacement: Some(order),
        reason,
        ..step("docker_container.web", Action::Create)
    };
    vec![create, delete]
}

#[test]
fn both_halves_of_a_replacement_are_one_block() {
    let plan = plan(replacement(Replacement::DeleteFirst, None));
    assert_eq!(
        text(&plan),
        r#"The symbols mean:
-/+ destroy, then create anew

mprov will perform these actions:

  # docker_container.web must be replaced
-/+ resource "docker_container" "web" {
      ~ id    = "c1" -> (known after apply)
      ~ image = "a" -> "b" # forces replacement
        name  = "web"
        # (1 unchanged attribute hidden)
    }

Plan: 1 to add, 0 to change, 1 to destroy.
"#
    );
}

#[test]
fn a_replacement_names_its_order_and_its_reason() {
    let first = |reason| {
        let text = text(&plan(replacement(Replacement::CreateFirst, reason)));
        let start = text.find("  # ").expect("a title");
        text[start..].lines().take(2).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        first(Some(Reason::Tainted)),
        "  # docker_container.web is tainted, so must be replaced\n+/- resource \"docker_container\" \"web\" {"
    );
    assert_eq!(
        first(Some(Reason::TriggeredBy("core_value.v".into()))).lines().next(),
        Some("  # docker_container.web will be replaced due to changes in core_value.v")
    );
}

#[test]
fn each_reason_has_its_sentence() {
    let title = |address: &str, action, reason: Reason, deposed: Option<&str>| {
        let deposed = deposed.map(str::to_owned);
        block(Step { reason: Some(reason), deposed, ..step(address, action) })
            .lines()
            .take(2)
            .map(str::trim_start)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(
        title(r#"a_b.c["k"]"#, Action::Delete, Reason::KeyGone, None),
        "# a_b.c[\"k\"] will be destroyed\n# (because key [\"k\"] is not in for_each)"
    );
    assert_eq!(
        title("a_b.c[2]", Action::Delete, Reason::KeyGone, None),
        "# a_b.c[2] will be destroyed\n# (because index [2] is not in count)"
    );
    assert_eq!(
        title("a_b.c", Action::Create, Reason::Vanished, None),
        "# a_b.c will be created\n# (because it is in the state, but does not exist any more)"
    );
    assert_eq!(
        title("a_b.c", Action::Delete, Reason::Deposed, Some("d1")),
        "# a_b.c (deposed object d1) will be destroyed\n# (left over from a replacement that was interrupted)"
    );
    assert_eq!(
        title("data.a_b.c", Action::Read, Reason::DependsOnSteps, None),
        "# data.a_b.c will be read during apply\n# (its configuration depends on steps of this plan)"
    );
}

#[test]
fn a_read_is_a_data_block() {
    let after = Object::new().with("ip", Value::unknown(Type::String));
    let step = Step { after: Some(after), ..step("data.aws_vm.a", Action::Read) };
    assert!(block(step).contains("\n <= data \"aws_vm\" \"a\" {\n      + ip = (known after apply)\n"));
}

#[test]
fn drift_comes_first_and_outputs_last() {
    let mut plan = plan(vec![update("docker_container.web", container().with("image", "b"), container())]);
    plan.drift = vec![
        Drift {
            address: "docker_container.web".parse().expect("an address"),
            kind: DriftKind::Changed(vec![change("image", "a", "b")]),
        },
        Drift { address: "docker_network.n".parse().expect("an address"), kind: DriftKind::Gone },
    ];
    plan.outputs = vec![
        OutputChange { name: "url".into(), before: "x".into(), after: "y".into(), sensitive: false },
        OutputChange { name: "key".into(), before: Value::Null, after: "k".into(), sensitive: true },
    ];
    plan.moves = vec![("a_b.old".parse().expect("an address"), "a_b.new".parse().expect("an address"))];
    plan.unchanged = 7;
    let line = "─".repeat(80);
    assert_eq!(
        text(&plan),
        format!(
            r#"Note: Objects have changed outside of mprov since the last apply:

  # docker_container.web has changed
  ~ resource "docker_container" "web" {{
      ~ image = "a" -> "b"
    }}

  # docker_network.n does not exist any more

Where the configuration says otherwise, the actions below undo this.
{line}

The symbols mean:
  ~ update in place

mprov will perform these actions:

  # docker_container.web will be updated in-place
  ~ resource "docker_container" "web" {{
        id    = "c1"
      ~ image = "b" -> "a"
        name  = "web"
        # (1 unchanged attribute hidden)
    }}

  # a_b.old has moved to a_b.new

Changes of outputs:
  ~ url = "x" -> "y"
  + key = (sensitive value)

Plan: 0 to add, 1 to change, 0 to destroy. 7 unchanged.
"#
        )
    );
}

#[test]
fn nothing_to_do_is_said_in_one_sentence() {
    let mut plan = plan(Vec::new());
    plan.unchanged = 3;
    assert_eq!(text(&plan), "No changes. Your infrastructure matches the configuration.\n3 unchanged.\n");
    plan.mode = PlanMode::Destroy;
    plan.unchanged = 0;
    assert_eq!(text(&plan), "No changes. There is nothing to destroy.\n");
}

#[test]
fn sums_tell_what_users_notice() {
    let timed = |address: &str, impact| Step { impact, ..step(address, Action::Update) };
    let seconds = |s| Some(Duration::from_secs(s));
    let plan = plan(vec![
        timed("a_b.a", Impact { downtime: seconds(4), ..Impact::default() }),
        timed("a_b.b", Impact { downtime: seconds(6), read_only: seconds(180), ..Impact::default() }),
    ]);
    assert!(text(&plan).ends_with(
        "Plan: 0 to add, 2 to change, 0 to destroy.\n\
         Users notice: about 10 s without service, about 3 min read-only.\n"
    ));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let mut plan = plan(replacement(Replacement::DeleteFirst, None));
    plan.steps.push(Step { after: Some(container()), ..step("a_b.c", Action::Create) });
    let coloured = crate::view::plan::render(&plan, Style { color: true, ..Style::PLAIN });
    assert!(coloured.contains("\x1b[32m+\x1b[0m"));
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\x1b') {
        bare.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('m').expect("the end of the sequence") + 1..];
    }
    bare.push_str(rest);
    assert_eq!(bare, text(&plan));
}
