
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ad_autocategorize', '0002_moderation'),
    ]

    operations = [
        migrations.CreateModel(
            name='SuggestionEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('model_version', models.CharField(max_length=80, verbose_name='model version')),
                ('ad_id', models.CharField(blank=True, help_text="The marketplace's own key of the ad.", max_length=100, verbose_name='ad')),
                ('rank', models.PositiveSmallIntegerField(blank=True, help_text='Place of the suggestion taken, the first is 1.', null=True, verbose_name='rank')),
                ('outcome', models.CharField(choices=[('accepted', 'accepted'), ('overruled', 'overruled')], max_length=10, verbose_name='outcome')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'suggestion event',
                'verbose_name_plural': 'suggestion events',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['model_version', 'outcome'], name='ad_autocat_event_outcome')],
            },
        ),
    ]
