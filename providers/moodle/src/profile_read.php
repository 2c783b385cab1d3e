<?php
// In $mprov: user. Prints the site's names, the user's address and the site's identifier.
require '/usr/share/mprov/site.php';
$site = site::load();
$one = function (string $sql, array $values = []) use ($site): ?array {
    $query = $site->pdo()->prepare(str_replace('{', $site->prefix, str_replace('}', '', $sql)));
    $query->execute($values);
    return $query->fetch(PDO::FETCH_ASSOC) ?: null;
};
$course = $one("SELECT fullname, shortname FROM {course} WHERE format = 'site' ORDER BY id LIMIT 1");
$user = $one('SELECT email FROM {user} WHERE username = ? AND deleted = 0 ORDER BY id LIMIT 1', [$mprov['user']]);
echo json_encode([
    'full_name' => $course['fullname'] ?? '',
    'short_name' => $course['shortname'] ?? '',
    'admin_email' => $user['email'] ?? null,
    'identifier' => $site->config('siteidentifier')['siteidentifier'] ?? null,
]), "\n";
