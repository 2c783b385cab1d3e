use strict;
use Socket;

# Listens at a socket of its own for the user $uid and carries each connection to $target.
# It ends with its input.
my ($target, $uid) = @ARGV;
$SIG{CHLD} = "IGNORE";
$SIG{PIPE} = "IGNORE";
umask 077;
my $folder = "/run/mprov-relay-$$";
mkdir $folder, 0700 or die "$folder: $!\n";
my $path = "$folder/socket";
socket(my $listener, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($listener, sockaddr_un($path)) or die "$path: $!\n";
listen($listener, 64) or die "$path: $!\n";
chown $uid, -1, $folder, $path;
$| = 1;
print "$path\n";

sub carry {
    my ($from, $to) = @_;
    while (my $n = sysread($from, my $bytes, 65536)) {
        my $done = 0;
        while ($done < $n) {
            my $written = syswrite($to, $bytes, $n - $done, $done);
            last unless defined $written;
            $done += $written;
        }
        last if $done < $n;
    }
    shutdown($to, 1);
}

while (1) {
    my $ready = "";
    vec($ready, fileno(STDIN), 1) = 1;
    vec($ready, fileno($listener), 1) = 1;
    next if select($ready, undef, undef, undef) < 0;
    last if vec($ready, fileno(STDIN), 1) && !sysread(STDIN, my $ignored, 1024);
    next unless vec($ready, fileno($listener), 1);
    accept(my $client, $listener) or next;
    if (!fork) {
        close $listener;
        socket(my $server, AF_UNIX, SOCK_STREAM, 0) or exit 1;
        connect($server, sockaddr_un($target)) or exit 1;
        if (!fork) {
            carry($client, $server);
            exit 0;
        }
        carry($server, $client);
        exit 0;
    }
    close $client;
}
unlink $path;
rmdir $folder;
