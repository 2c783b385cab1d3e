<?php
// Imitates Moodle's pluginfile.php: /pluginfile.php/<context>/<component>/<area>/<name>, from
// the pool of files, to its owner.
require __DIR__ . '/config.php';
require_login();
$parts = explode('/', trim($_SERVER['PATH_INFO'] ?? '', '/'));
$file = count($parts) === 4 ? $DB->get_record('files', ['contextid' => (int) $parts[0], 'component' => $parts[1], 'filearea' => $parts[2], 'filename' => $parts[3]]) : null;
if (!$file || $file->userid != $USER->id) {
    web_fatal(404, 'Sorry, the requested file could not be found');
}
$path = "$CFG->dataroot/filedir/" . substr($file->contenthash, 0, 2) . '/' . substr($file->contenthash, 2, 2) . "/$file->contenthash";
if (!is_readable($path)) {
    web_fatal(404, 'Can not read file, either file does not exist or there are permission problems');
}
session_write_close();
header('Content-Type: application/octet-stream');
header('X-Content-Type-Options: nosniff');
header("Content-Length: $file->filesize");
header("ETag: \"$file->contenthash\"");
readfile($path);
