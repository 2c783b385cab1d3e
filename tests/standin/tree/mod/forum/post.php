<?php
// Imitates Moodle's mod/forum/post.php: a post in the one discussion there is.
require __DIR__ . '/../../config.php';
require_login();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_sesskey();
    $id = $DB->insert_record('forum_posts', ['discussion' => 1, 'userid' => $USER->id, 'created' => time(),
        'subject' => $_POST['subject'] ?? '', 'message' => $_POST['message'] ?? '']);
    log_event('\mod_forum\event\post_created', $id);
    redirect("$CFG->wwwroot/mod/forum/post.php");
}
$list = '';
foreach ($DB->get_records('forum_posts') as $post) {
    $list .= '<li>' . s($post->subject) . '</li>';
}
page('Forum', "<ul>$list</ul><form method=\"post\"><input type=\"hidden\" name=\"sesskey\" value=\"" . sesskey()
    . '"><input name="subject"><textarea name="message"></textarea><button>Post to forum</button></form>');
