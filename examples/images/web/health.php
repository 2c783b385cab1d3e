<?php
// Health of the site as JSON: 200 or exit 0 when it serves users, 503 or exit 1 when not,
// with the reasons in `why`. Reasons: config, dataroot, db, not_installed, install_unfinished,
// upgrade_pending, downgrade, upgrade_running, maintenance.
// ?allow=maintenance (or the argument --allow=maintenance) does not count maintenance.
declare(strict_types=1);
require __DIR__ . '/site.php';

$cli = PHP_SAPI === 'cli';
$allow = $cli ? (in_array('--allow=maintenance', $argv, true) ? 'maintenance' : '') : ($_GET['allow'] ?? '');
$out = ['ok' => false, 'why' => [], 'release' => null, 'version' => null, 'branch' => null,
    'db_version' => null, 'db_release' => null, 'state' => null, 'tables' => null,
    'maintenance' => false, 'upgrade_pending' => false, 'upgrade_running' => false,
    'cron_enabled' => null, 'php' => PHP_VERSION];
$why = [];
try {
    $site = site::load();
    $out = array_merge($out, $site->code());
    if (!is_dir($site->dataroot) || !is_writable($site->dataroot)) {
        $why[] = 'dataroot';
    }
    $out['maintenance'] = file_exists($site->dataroot . '/climaintenance.html');
    try {
        $out['tables'] = count($site->tables());
        $out['state'] = $site->install_state();
        if ($out['state'] === 'empty' || $out['state'] === 'foreign') {
            $why[] = 'not_installed';
        } else if ($out['state'] === 'partial') {
            $why[] = 'install_unfinished';
        } else {
            $have = $site->config('version', 'release', 'upgraderunning', 'maintenance_enabled', 'cron_enabled');
            $out['db_version'] = $have['version'] ?? null;
            $out['db_release'] = $have['release'] ?? null;
            $out['cron_enabled'] = ($have['cron_enabled'] ?? '1') !== '0';
            $out['maintenance'] = $out['maintenance'] || !empty($have['maintenance_enabled']);
            // A time in the future, set by the upgrade and renewed by every step of it.
            $out['upgrade_running'] = (int) ($have['upgraderunning'] ?? 0) > time();
            $order = site::compare($out['version'], $out['db_version']);
            $out['upgrade_pending'] = $order > 0;
            if ($order > 0) {
                $why[] = 'upgrade_pending';
            } else if ($order < 0) {
                $why[] = 'downgrade';
            }
            if ($out['upgrade_running']) {
                $why[] = 'upgrade_running';
            }
        }
    } catch (PDOException | RuntimeException $e) {
        $why[] = 'db';
        // The driver's text names user and host, which is for the log, not for a page.
        error_log('mprov-health: ' . $e->getMessage());
    }
    if ($out['maintenance'] && $allow !== 'maintenance') {
        $why[] = 'maintenance';
    }
} catch (RuntimeException $e) {
    $why[] = 'config';
    error_log('mprov-health: ' . $e->getMessage());
}
$out['why'] = $why;
$out['ok'] = !$why;
if (!$cli) {
    header('Content-Type: application/json');
    header('Cache-Control: no-store');
    http_response_code($out['ok'] ? 200 : 503);
}
echo json_encode($out, JSON_UNESCAPED_SLASHES), "\n";
exit($out['ok'] ? 0 : 1);
