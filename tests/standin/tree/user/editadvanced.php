<?php
// Imitates Moodle's user/editadvanced.php: the administrator makes a user.
require __DIR__ . '/../config.php';
require_login();
if ($USER->username !== 'admin') {
    web_fatal(403, 'Sorry, but you do not currently have permissions to do that.');
}
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_sesskey();
    $name = strtolower(trim($_POST['username'] ?? ''));
    if ($name === '' || $DB->get_record('user', ['username' => $name])) {
        page('New user', '<div class="alert">This username already exists, choose another</div>');
    }
    $id = $DB->insert_record('user', ['username' => $name, 'password' => hash_internal_user_password($_POST['newpassword'] ?? ''),
        'firstname' => $_POST['firstname'] ?? '', 'lastname' => $_POST['lastname'] ?? '', 'email' => $_POST['email'] ?? '', 'timecreated' => time()]);
    log_event('\core\event\user_created', $id);
    redirect("$CFG->wwwroot/user/editadvanced.php");
}
page('New user', '<form method="post"><input type="hidden" name="sesskey" value="' . sesskey() . '"><input name="username">'
    . '<input name="newpassword" type="password"><input name="firstname"><input name="lastname"><input name="email"><button>Create user</button></form>');
