use std::process::ExitCode;

fn main() -> ExitCode {
    mprov::cli::main(std::env::args_os()).into()
}
