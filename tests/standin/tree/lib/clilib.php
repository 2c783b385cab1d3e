<?php
// Imitates Moodle's lib/clilib.php: how options are read and errors are told.

/** [options, unrecognised]; --no-x turns off an option x, --x=text gives it a text (never a boolean). */
function cli_get_params(array $long, array $short = []): array {
    $options = $long;
    $unknown = [];
    foreach (array_slice($_SERVER['argv'], 1) as $raw) {
        if ($raw === '--') {
            break;
        }
        [$name, $value] = array_pad(explode('=', ltrim($raw, '-'), 2), 2, true);
        if (str_starts_with($raw, '-') && !str_starts_with($raw, '--')) {
            $name = $short[$name] ?? null;
        } else if (!str_starts_with($raw, '--')) {
            $name = null;
        } else if ($value === true && str_starts_with($name, 'no-') && !array_key_exists($name, $long)) {
            $name = substr($name, 3);
            $value = false;
        }
        if ($name !== null && array_key_exists($name, $long)) {
            $options[$name] = $value;
        } else {
            $unknown[] = $raw;
        }
    }
    return [$options, $unknown];
}

function cli_refuse_unknown(array $unknown): void {
    if ($unknown) {
        cli_error("Unrecognised options:\n  " . implode("\n  ", $unknown) . "\nPlease use --help option.");
    }
}

function cli_error(string $text, int $code = 1): never {
    fwrite(STDERR, "$text\n\n");
    exit($code);
}

function cli_problem(string $text): void {
    fwrite(STDERR, "$text\n");
}

function cli_writeln(string $text): void {
    echo "$text\n";
}

function cli_heading(string $text): void {
    echo "== $text ==\n";
}
