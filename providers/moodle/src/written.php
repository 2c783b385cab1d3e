<?php
// In $mprov: since (RFC 3339). Prints what users have written from that second on, without
// starting Moodle: [{"what": "log entries", "count": 12}, ...], also where it is none. What Moodle
// does by itself (cron, upgrades) is not counted; kinds that a site does not have are absent.
require '/usr/share/mprov/site.php';
$site = site::load();
$since = (new DateTimeImmutable($mprov['since']))->getTimestamp();
$kinds = [
    'log entries' => ['logstore_standard_log', "timecreated >= ? AND (origin IS NULL OR origin <> 'cli')"],
    'users' => ['user', 'timecreated >= ?'],
    'courses' => ['course', "timecreated >= ? AND format <> 'site'"],
    'files' => ['files', "timecreated >= ? AND filename <> '.' AND filearea <> 'draft'"],
    'forum posts' => ['forum_posts', 'created >= ?'],
    'submissions' => ['assign_submission', "timemodified >= ? AND status <> 'new'"],
    'quiz attempts' => ['quiz_attempts', 'timemodified >= ? AND preview = 0'],
    'messages' => ['messages', 'timecreated >= ?'],
];
$tables = array_flip($site->tables());
$written = [];
foreach ($kinds as $what => [$table, $condition]) {
    if (isset($tables[$site->prefix . $table])) {
        $query = $site->pdo()->prepare("SELECT count(*) FROM {$site->prefix}$table WHERE $condition");
        $query->execute([$since]);
        $written[] = ['what' => $what, 'count' => (int) $query->fetchColumn()];
    }
}
echo json_encode($written), "\n";
