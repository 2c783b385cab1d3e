<?php
// In $mprov: files ("full", "sample", "none"), sample. Looks at a site without starting Moodle and
// leaves nothing behind. Tells how far it is by lines "mprov-files: DONE TOTAL"; the last line is
//   {"found": {"users": 3, ...}, "checked": 200, "probe": null or what went wrong,
//    "faults": {"missing": {"count": 1, "examples": ["<sha1>"]}, "size": ..., "content": ...}}
require '/usr/share/mprov/site.php';
$site = site::load();
$pdo = $site->pdo();
$p = $site->prefix;
$query = function (string $sql, array $values = []) use ($pdo): PDOStatement {
    $query = $pdo->prepare($sql);
    $query->execute($values);
    return $query;
};
$count = fn(string $rest): int => (int) $query("SELECT count(*) FROM $p$rest")->fetchColumn();

// A row and a file are written, read and removed.
$probe = (function () use ($site, $query, $p): ?string {
    $text = bin2hex(random_bytes(8));
    try {
        $query("INSERT INTO {$p}config_plugins (plugin, name, value) VALUES ('mprov_probe', ?, ?)", [$text, $text]);
        $read = $query("SELECT value FROM {$p}config_plugins WHERE plugin = 'mprov_probe' AND name = ?", [$text])->fetchColumn();
        // Also what a probe that was killed has left.
        $query("DELETE FROM {$p}config_plugins WHERE plugin = 'mprov_probe'");
        if ($read !== $text) {
            return 'a row that was written to the database was not read back';
        }
    } catch (PDOException $e) {
        return 'the database takes no row: ' . $e->getMessage();
    }
    array_map('unlink', glob($site->dataroot . '/.mprov-probe-*'));
    $file = $site->dataroot . "/.mprov-probe-$text";
    $written = @file_put_contents($file, $text) === strlen($text) && @file_get_contents($file) === $text;
    $removed = @unlink($file);
    if (!$written || !$removed) {
        return "no file can be written, read and removed in $site->dataroot";
    }
    $pool = $site->dataroot . '/filedir';
    return is_dir($pool) && !is_writable($pool) ? "$pool is not writable for the web server" : null;
})();

$found = [
    'users' => $count('user WHERE deleted = 0'),
    'courses' => $count("course WHERE format <> 'site'"),
    'modules' => $count('course_modules'),
    'files' => $count("files WHERE filename <> '.' AND filearea <> 'draft'"),
];

$faults = array_fill_keys(['missing', 'size', 'content'], ['count' => 0, 'examples' => []]);
$fault = function (string $kind, string $hash) use (&$faults): void {
    $faults[$kind]['count']++;
    if (count($faults[$kind]['examples']) < 5) {
        $faults[$kind]['examples'][] = $hash;
    }
};
$path = fn(string $folder, string $hash): string => "$site->dataroot/$folder/" . substr($hash, 0, 2) . '/' . substr($hash, 2, 2) . "/$hash";
// Moodle takes a file back from its trash by itself.
$size = function (string $hash) use ($path): ?int {
    foreach (['filedir', 'trashdir'] as $folder) {
        if (is_readable($path($folder, $hash))) {
            return filesize($path($folder, $hash));
        }
    }
    return null;
};
/** True where it is there and as large as each row says. */
$holds = function (string $hash, int $least, int $most) use ($size, $fault): bool {
    $size = $size($hash);
    if ($size === null) {
        $fault('missing', $hash);
    } else if ($size !== $least || $size !== $most) {
        $fault('size', $hash);
    }
    return $size === $least && $size === $most;
};

// Content of other repositories is not in the pool, and nothing needs no file.
$own = "{$p}files WHERE referencefileid IS NULL AND filesize > 0";
$wanted = max(1, (int) $mprov['sample']);
$checked = 0;
$chosen = [];
$rows = $mprov['files'] === 'none' ? 0 : (int) $query("SELECT count(*) FROM $own")->fetchColumn();
if ($mprov['files'] === 'full' || ($rows > 0 && $rows <= $wanted)) {
    for ($after = ''; ; ) {
        $page = $query("SELECT contenthash, min(filesize), max(filesize) FROM $own AND contenthash > ?
            GROUP BY contenthash ORDER BY contenthash LIMIT 10000", [$after])->fetchAll(PDO::FETCH_NUM);
        foreach ($page as [$hash, $least, $most]) {
            $checked++;
            if ($holds($hash, (int) $least, (int) $most)) {
                // Each has the same chance to be chosen, however many there are.
                if (count($chosen) < $wanted) {
                    $chosen[] = $hash;
                } else if (($place = random_int(0, $checked - 1)) < $wanted) {
                    $chosen[$place] = $hash;
                }
            }
            $after = $hash;
        }
        echo "mprov-files: $checked ", max($rows, $checked), "\n";
        if (count($page) < 10000) {
            break;
        }
    }
} else if ($rows > 0) {
    [$first, $last] = $query("SELECT min(id), max(id) FROM $own")->fetch(PDO::FETCH_NUM);
    $seen = [];
    for ($try = 0; $try < $wanted; $try++) {
        $row = $query("SELECT contenthash, filesize FROM $own AND id >= ? ORDER BY id LIMIT 1",
            [random_int((int) $first, (int) $last)])->fetch(PDO::FETCH_NUM);
        $seen[$row[0]] = (int) $row[1];
    }
    foreach ($seen as $hash => $bytes) {
        $checked++;
        if ($holds($hash, $bytes, $bytes)) {
            $chosen[] = $hash;
        }
    }
}
// As many as a second or two allow: a film is not worth the time of ten thousand exercises.
$budget = 1 << 30;
foreach ($chosen as $hash) {
    $file = is_readable($path('filedir', $hash)) ? $path('filedir', $hash) : $path('trashdir', $hash);
    if (($budget -= (int) @filesize($file)) < 0) {
        break;
    }
    if (@sha1_file($file) !== $hash) {
        $fault('content', $hash);
    }
}
echo json_encode(['found' => $found, 'checked' => $checked, 'probe' => $probe, 'faults' => $faults], JSON_UNESCAPED_SLASHES), "\n";
