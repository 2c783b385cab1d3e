<?php
// Imitates Moodle's lib/weblib.php and lib/sessionlib.php: pages, redirects, who may see them.

function s(string $text): string {
    return htmlspecialchars($text, ENT_QUOTES);
}

function page(string $title, string $body): never {
    global $CFG, $USER;
    $links = empty($USER) ? "<a href=\"$CFG->wwwroot/login/index.php\">Log in</a>"
        : s($USER->username) . " <a href=\"$CFG->wwwroot/login/logout.php?sesskey=" . sesskey() . '">Log out</a>';
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    echo "<!DOCTYPE html><html lang=\"en\"><head><title>" . s($title) . "</title>"
        . "<link rel=\"stylesheet\" href=\"$CFG->wwwroot/theme/styles.php\"></head>"
        . "<body><nav>$links</nav><h1>" . s($title) . "</h1>$body</body></html>\n";
    exit;
}

function redirect(string $to): never {
    http_response_code(303);
    header("Location: $to");
    exit;
}

function web_fatal(int $status, string $text): never {
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    echo '<!DOCTYPE html><html lang="en"><head><title>Error</title></head><body><div class="errormessage">' . s($text) . "</div></body></html>\n";
    exit;
}

function cli_fatal(string $text): never {
    fwrite(STDERR, "!!! $text !!!\n");
    exit(1);
}

function sesskey(): string {
    return $_SESSION['sesskey'] ??= bin2hex(random_bytes(5));
}

function require_sesskey(): void {
    if (!hash_equals(sesskey(), (string) ($_REQUEST['sesskey'] ?? ''))) {
        web_fatal(403, 'Your session has most likely timed out. Please log in again.');
    }
}

function require_login(): void {
    global $CFG, $USER;
    if (empty($USER)) {
        $_SESSION['wantsurl'] = $CFG->wwwroot . $_SERVER['REQUEST_URI'];
        redirect("$CFG->wwwroot/login/index.php");
    }
    if (!empty($CFG->maintenance_enabled) && $USER->username !== 'admin') {
        web_fatal(503, 'This site is undergoing maintenance and is currently not available');
    }
}
