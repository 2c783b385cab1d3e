# Clones the image of a mounted filesystem at one instant: freezes it, reflinks the image, thaws it.
#
#   $1 where it is mounted   $2 its image   $3 the clone   $4 its device number   $5 seconds at most
#
# Whoever is killed, and whenever: the thaw is done by a process in a session of its own, as soon as
# the pipe from those who freeze and clone has no writer left.
set -u
exec 9<"$2"
# One at a time: nobody thaws it under another's hands.
flock 9
# As long as a process is in it, nobody can unmount it: what is frozen is what was looked at.
cd -- "$1" || exit
if [ "$(mountpoint -d .)" != "$4" ]; then
  echo "something else is mounted at $1" >&2
  exit 1
fi
# What is on disk already need not be written while it is frozen.
sync -f . && sync -- "$2" || exit

limited() { timeout --foreground -s KILL "$limit" "$@"; }
limit=$5
{
  echo freezing
  limited fsfreeze --freeze .
  # One that was killed may have frozen it all the same.
  case $? in
    0) limited cp --reflink=always -- "$2" "$3" && echo cloned ;;
    1) echo refused ;;
  esac
} | setsid -w sh -c '
  trap "" HUP INT TERM
  said=$(cat)
  case $said in
    *refused*) exit 1 ;;
    *freezing*) fsfreeze --unfreeze . || exit ;;
  esac
  case $said in
    *cloned*) ;;
    *) echo "it was interrupted, or took too long" >&2; exit 1 ;;
  esac
'
