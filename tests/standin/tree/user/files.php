<?php
// Imitates Moodle's user/files.php and repository/repository_ajax.php: upload of private files.
require __DIR__ . '/../config.php';
require_login();
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_sesskey();
    $file = $_FILES['repo_upload_file'] ?? null;
    if (!$file || $file['error'] !== UPLOAD_ERR_OK) {
        web_fatal(400, 'No file was uploaded, or it is too large.');
    }
    $content = file_get_contents($file['tmp_name']);
    $id = store_file('user', 'private', 0, (int) $USER->id, basename($file['name']), $content);
    log_event('\core\event\user_file_created', $id);
    redirect("$CFG->wwwroot/user/files.php");
}
$list = '';
foreach ($DB->get_records('files', ['userid' => $USER->id, 'filearea' => 'private']) as $file) {
    $list .= "<li><a href=\"$CFG->wwwroot/pluginfile.php/$USER->id/user/private/" . rawurlencode($file->filename) . '">' . s($file->filename) . '</a></li>';
}
page('Private files', "<ul>$list</ul><form method=\"post\" enctype=\"multipart/form-data\"><input type=\"hidden\" name=\"sesskey\" value=\""
    . sesskey() . '"><input type="file" name="repo_upload_file"><button>Upload this file</button></form>');
