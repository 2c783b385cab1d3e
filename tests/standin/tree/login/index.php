<?php
// Imitates Moodle's login/index.php: a form with a token; success leads with 303 to ?testsession
// (does the browser keep cookies?), from there to where the visitor wanted to go. A wrong
// password is a page with status 200.
require __DIR__ . '/../config.php';

if (isset($_GET['testsession'])) {
    if (empty($USER) || (int) $_GET['testsession'] !== (int) $USER->id) {
        page('Log in', '<div class="alert">Cookies must be enabled in your browser.</div>');
    }
    $wanted = $_SESSION['wantsurl'] ?? "$CFG->wwwroot/my/";
    unset($_SESSION['wantsurl']);
    redirect($wanted);
}
$error = '';
if (isset($_POST['username'], $_POST['password'])) {
    $token = $_SESSION['logintoken'] ?? null;
    unset($_SESSION['logintoken']);
    $user = $DB->get_record('user', ['username' => strtolower(trim($_POST['username'])), 'deleted' => 0]);
    if ($token && hash_equals($token, (string) ($_POST['logintoken'] ?? ''))
            && $user && password_verify($_POST['password'], $user->password)) {
        session_regenerate_id(true);
        $_SESSION['userid'] = $user->id;
        $DB->execute('UPDATE {user} SET lastlogin = currentlogin, currentlogin = ?, lastaccess = ? WHERE id = ?', [time(), time(), $user->id]);
        $USER = $user;
        log_event('\core\event\user_loggedin', (int) $user->id);
        redirect("$CFG->wwwroot/login/index.php?testsession=$user->id");
    }
    $error = '<div class="alert">Invalid login, please try again</div>';
}
if (!empty($USER)) {
    page('Log in', 'You are already logged in as ' . s($USER->username));
}
$token = $_SESSION['logintoken'] = bin2hex(random_bytes(16));
page('Log in to the site', $error . "<form action=\"$CFG->wwwroot/login/index.php\" method=\"post\" id=\"login\">"
    . "<input type=\"hidden\" name=\"logintoken\" value=\"$token\"><input type=\"hidden\" name=\"anchor\" value=\"\">"
    . '<input name="username"><input name="password" type="password"><button>Log in</button></form>');
