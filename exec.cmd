@rem The commands of package.json start with `exec`, which replaces the shell so that signals reach the program.
@rem The shell of Windows has no `exec`: here it only runs its arguments.
@%*
