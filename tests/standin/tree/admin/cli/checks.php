<?php
// Imitates Moodle's admin/cli/checks.php: a few checks, the output and the exit codes of NRPE
// (0 OK, 1 WARNING, 2 CRITICAL).
define('CLI_SCRIPT', true);
require __DIR__ . '/../../config.php';
require_once "$CFG->libdir/clilib.php";
require_once "$CFG->libdir/environmentlib.php";

[$options, $unknown] = cli_get_params(['help' => false, 'filter' => '', 'type' => 'status', 'verbose' => false],
    ['h' => 'help', 'f' => 'filter', 'v' => 'verbose', 't' => 'type']);
cli_refuse_unknown($unknown);
if ($options['help']) {
    echo "Run Moodle system checks\n";
    exit(0);
}
$lastcron = (int) get_config('tool_task', 'lastcronstart');
$environment = check_moodle_environment(code_version()->release);
$checks = [
    'core_environment' => ['Environment', ($environment || moodle_needs_upgrading()) ? 2 : 0, implode('; ', $environment) ?: 'All environment checks are met'],
    'core_upgradecheck' => ['Upgrade', moodle_needs_upgrading() ? 2 : 0, 'Tables and code have the same version'],
    'tool_task_cronrunning' => ['Cron running', $lastcron > time() - 200 ? 0 : ($lastcron > time() - 86400 && $lastcron ? 1 : 2), 'Last start: ' . ($lastcron ? date('r', $lastcron) : 'never')],
    'core_dataroot' => ['Data folder', is_writable($CFG->dataroot) ? 0 : 2, $CFG->dataroot],
];
$checks = array_filter($checks, fn($ref) => $options['filter'] === '' || str_contains($ref, $options['filter']), ARRAY_FILTER_USE_KEY);
$labels = ['OK', 'WARNING', 'CRITICAL'];
$worst = 0;
$header = "OK: All '{$options['type']}' checks OK";
$table = '';
foreach ($checks as $ref => [$name, $code, $text]) {
    if ($code > $worst) {
        $worst = $code;
        $header = "$labels[$code]: $name ($ref)";
    }
    if ($options['verbose'] || $code > 0) {
        $table .= sprintf("%10s| %-60s\n%10s|     %s\n", $labels[$code], "$name ($ref)", '', $text);
    }
}
echo "$header\n";
if ($table !== '') {
    echo "   Status | Check\n----------+--------------------------------------------------------------------\n$table";
}
exit($worst);
