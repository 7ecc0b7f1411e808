"""Who may ask: users and passwords that routes demand (fabio's ``auth=``)."""
