//! Start, plan, apply and destroy of value resources in the shapes that configurations have, beside
//! Terraform's `terraform_data` where that is installed. Prints a table in Markdown and judges
//! nothing: `cargo bench --bench shapes` (all sizes), `-- 1000` (that size only), `-- 1000 mprov`
//! (without Terraform).

#![allow(clippy::print_stdout)] // its table is what it is for

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

const SHAPES: [&str; 4] = ["blocks", "for_each", "layers", "modules"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.first().is_some_and(|a| a == "--measure") {
        return measure_child(&arguments[1..]);
    }
    let sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000] } else { sizes };
    let terraform = !arguments.iter().any(|a| a == "mprov") && has_terraform();

    println!(
        "| shape | N | command | mprov user CPU | mprov memory | Terraform user CPU | Terraform memory |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let version = measure(&mprov(), &["--version"], Path::new("."));
    let other = terraform.then(|| measure(Path::new("terraform"), &["version"], Path::new(".")));
    row("", 0, "version", Some(version), other);
    for shape in SHAPES {
        for &n in &sizes {
            bench(shape, n, terraform);
        }
    }
}

fn bench(shape: &str, n: usize, terraform: bool) {
    let ours = tempfile::tempdir().expect("a folder");
    write_configuration(ours.path(), shape, n, &Dialect::MPROV);
    // Terraform's apply of 10,000 takes many minutes: its plan is the one that is compared there.
    let theirs = tempfile::tempdir().expect("a folder");
    let compare =
        |arguments: &[&str]| terraform.then(|| measure(Path::new("terraform"), arguments, theirs.path()));
    if terraform {
        write_configuration(theirs.path(), shape, n, &Dialect::TERRAFORM);
        let _ =
            Command::new("terraform").arg("init").current_dir(theirs.path()).stdout(Stdio::null()).status();
    }
    let small = n <= 1_000;
    let create = measure(&mprov(), &["plan"], ours.path());
    row(shape, n, "plan, all to create", Some(create), compare(&["plan", "-input=false"]));
    let apply = measure(&mprov(), &["apply", "-auto-approve"], ours.path());
    let other = if small { compare(&["apply", "-auto-approve", "-input=false"]) } else { None };
    row(shape, n, "apply", Some(apply), other);
    let nothing = measure(&mprov(), &["plan"], ours.path());
    let other = if small { compare(&["plan", "-input=false"]) } else { None };
    row(shape, n, "plan, nothing to do", Some(nothing), other);
    let destroy = measure(&mprov(), &["destroy", "-auto-approve"], ours.path());
    let other = if small { compare(&["destroy", "-auto-approve", "-input=false"]) } else { None };
    row(shape, n, "destroy", Some(destroy), other);
}

struct Dialect {
    kind: &'static str,
    ending: &'static str,
}

impl Dialect {
    const MPROV: Self = Self { kind: "core_value", ending: "mprov.hcl" };
    const TERRAFORM: Self = Self { kind: "terraform_data", ending: "tf" };
}

fn write_configuration(dir: &Path, shape: &str, n: usize, dialect: &Dialect) {
    let kind = dialect.kind;
    let mut text = String::new();
    match shape {
        "blocks" => {
            for i in 0..n {
                writeln!(text, "resource \"{kind}\" \"r{i}\" {{\n  input = \"value {i}\"\n}}")
                    .expect("a string");
            }
        }
        "for_each" => {
            write!(
                text,
                "resource \"{kind}\" \"r\" {{\n  for_each = toset([for i in range({n}) : \"k${{i}}\"])\n  input = each.key\n}}\n"
            )
            .expect("a string");
        }
        "layers" => {
            // Each block refers to the one with its number in the layer before.
            for i in 0..n {
                let (layer, place) = (i / 100, i % 100);
                let input = match layer.checked_sub(1) {
                    None => format!("\"value {place}\""),
                    Some(before) => format!("{kind}.l{before}_{place}.output"),
                };
                writeln!(text, "resource \"{kind}\" \"l{layer}_{place}\" {{\n  input = {input}\n}}")
                    .expect("a string");
            }
        }
        "modules" => {
            let child = dir.join("child");
            std::fs::create_dir_all(&child).expect("a folder");
            let mut inner = String::from("variable \"prefix\" {\n  type = string\n}\n");
            for i in 0..n / 100 {
                writeln!(inner, "resource \"{kind}\" \"r{i}\" {{\n  input = \"${{var.prefix}}-{i}\"\n}}")
                    .expect("a string");
            }
            std::fs::write(child.join(format!("main.{}", dialect.ending)), inner).expect("a file");
            for m in 0..100 {
                writeln!(text, "module \"m{m}\" {{\n  source = \"./child\"\n  prefix = \"m{m}\"\n}}")
                    .expect("a string");
            }
        }
        other => unreachable!("no shape {other}"),
    }
    std::fs::write(dir.join(format!("main.{}", dialect.ending)), text).expect("a file");
}

/// What one process took.
struct Usage {
    user: f64,
    wall: f64,
    megabytes: i64,
    success: bool,
}

fn mprov() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_mprov"))
}

fn has_terraform() -> bool {
    Command::new("terraform").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs the command below a process of its own, so that its figures are nobody else's.
fn measure(program: &Path, arguments: &[&str], dir: &Path) -> Usage {
    let itself = std::env::current_exe().expect("the path of this benchmark");
    let output = Command::new(itself)
        .arg("--measure")
        .arg(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .expect("this benchmark can run itself");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    match figures[..] {
        [user, wall, kilobytes, code] => {
            Usage { user, wall, megabytes: kilobytes as i64 / 1024, success: code == 0.0 }
        }
        _ => Usage { user: f64::NAN, wall: f64::NAN, megabytes: 0, success: false },
    }
}

fn measure_child(command: &[String]) {
    let started = Instant::now();
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let wall = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage of the child");
    let user = usage.user_time().num_microseconds() as f64 / 1e6;
    let code = status.ok().and_then(|s| s.code()).unwrap_or(-1);
    println!("{user} {wall} {} {code}", usage.max_rss());
}

fn row(shape: &str, n: usize, command: &str, ours: Option<Usage>, theirs: Option<Usage>) {
    let figures = |usage: Option<Usage>| match usage {
        Some(u) if u.success => {
            (format!("{:.2} s ({:.2} s wall)", u.user, u.wall), format!("{} MB", u.megabytes))
        }
        Some(_) => ("failed".to_owned(), String::new()),
        None => ("not run".to_owned(), String::new()),
    };
    let (our_time, our_memory) = figures(ours);
    let (their_time, their_memory) = figures(theirs);
    println!("| {shape} | {n} | {command} | {our_time} | {our_memory} | {their_time} | {their_memory} |");
}
